/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The facts of one Windows installation, read through an engine and never
 * changed. `inspect` is this struct, printed; hooks see nothing else.
 */
#ifndef W7PREP_IMAGE_WINDOWS_H
#define W7PREP_IMAGE_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "image/image.h"

/* A reason why this installation must not be changed, with what to do. */
struct refusal {
	enum err_code code;
	char *message, *hint;
};

enum win_arch { ARCH_UNKNOWN, ARCH_X86, ARCH_AMD64, ARCH_IA64 };
/* "x86", "amd64", "ia64", "unknown": as CBS identities write them */
const char *win_arch_name(enum win_arch arch);

enum win_sealed {
	SEALED_NO,		/* boots to a desktop: a clone would share its identity */
	SEALED_YES,		/* sysprep /generalize was the last thing that ran */
	SEALED_BROKEN,		/* the places that say so disagree, or generalize died half-way */
};
const char *win_sealed_name(enum win_sealed sealed);	/* "no", "yes", "inconsistent" */

/* Where a sign of KB971033 was found; each is looked for by itself. */
enum kb971033_sign {
	KB_SIGN_CBS_PACKAGE = 1 << 0,	/* Component Based Servicing\Packages key */
	KB_SIGN_MUM = 1 << 1,		/* servicing\Packages\*.mum */
	KB_SIGN_MANIFEST = 1 << 2,	/* winsxs\Manifests */
	KB_SIGN_SERVICE = 1 << 3,	/* services\WatAdminSvc, any control set */
	KB_SIGN_SYSTEM32_WAT = 1 << 4,
	KB_SIGN_SYSWOW64_WAT = 1 << 5,
	KB_SIGN_TASK_FILE = 1 << 6,
	KB_SIGN_TASK_CACHE = 1 << 7,
};

struct kb971033_service {
	char *control_set;	/* "ControlSet001" */
	uint32_t start;		/* 4: disabled */
};

struct kb971033_task {
	char *name;		/* "ValidationTask" */
	char *id;		/* "{GUID}" from TaskCache\Tree, or NULL */
};

/*
 * "Installed" is what can run on a clone. With a CBS package key: its CurrentState is Partially
 * Installed, Installed, Permanent or a negative one (installed and broken), or else (Staged,
 * Superseded … stay behind after an uninstallation) WatAdminSvc.exe is there with a service
 * that is not disabled. Without the key: files in a Wat directory, or such a service.
 * Package files and manifests alone are not installed. A key that is waiting to be installed or
 * uninstalled (0x60, 0x05) counts as pending servicing.
 */
struct kb971033 {
	unsigned signs;			/* enum kb971033_sign */
	bool installed;
	char *package;			/* identity as found (key or .mum stem), or NULL */
	uint32_t current_state;		/* CBS CurrentState; 0 when there is no key */
	VEC(struct kb971033_service) services;
	VEC(struct kb971033_task) tasks;	/* TaskCache entries */
	struct strvec files;		/* full paths: Wat directories' files, task files */
	struct strvec dirs;		/* the Wat and task directories themselves */
	struct strvec task_keys;	/* SOFTWARE keys of TaskCache that belong to it */
};

struct spp {
	bool tokens, cache;		/* tokens.dat, cache.dat */
	struct strvec store_files;	/* full paths of those and of the 7B296FB0… files, as found */
	unsigned xrm_ms;		/* licence files below System32\spp\tokens */
	char *kms_host, *kms_port;	/* SoftwareProtectionPlatform; NULL: not set */
	/* keys below SOFTWARE that hold a KMS host or port: the main one, per-application ones */
	struct strvec kms_keys;
	bool skip_rearm;
	uint32_t sppuinotify_start;	/* current control set; 0: no such service */
	struct strvec sppuinotify_disabled; /* control sets where Start is 4 */
	char *key_channel;		/* DigitalProductId4 KeyType: "Volume:GVLK"; NULL */
	char *activation_id;		/* lower case GUID, or NULL */
	bool oem_certificate;		/* System32\oem\*.xrm-ms */
};

/* A rule of the Windows Firewall in the group "Windows Management Instrumentation". */
struct win_firewall_rule {
	char *control_set;	/* "ControlSet001" */
	char *name;		/* the value's name: "WMI-RPCSS-In-TCP-NoScope" */
	char *rule;		/* "v2.10|Action=Allow|Active=FALSE|Dir=In|…" */
};

/* What else decides how a clone activates and whether VAMT reaches it. */
struct win_policy {
	uint32_t manual_activation;	/* SoftwareProtectionPlatform\Activation!Manual; 0: absent */
	uint32_t token_filter;		/* LocalAccountTokenFilterPolicy; 0: absent */
	VEC(struct win_firewall_rule) wmi_rules; /* every control set, in its order */
};

/* A file that Windows reads at setup or first boot. */
struct win_file {
	char *path;
	struct buf content;
	bool safe_script, safe_secret;	/* descriptor: secdesc_is_safe() for that kind */
	bool has_sd;			/* the engine could read one */
	bool too_large;			/* content not read */
};

struct servicing;

struct windows {
	size_t vol;			/* position in image->volumes */
	unsigned index;			/* image_volume.index */
	char *root;			/* "/Windows" as spelled in the volume */
	char *product_name, *edition;	/* ProductName, EditionID */
	char *installation_type;	/* Client, Server, Server Core */
	char *version;			/* "6.1" */
	unsigned build, service_pack;
	enum win_arch arch;
	struct strvec languages;	/* installed UI languages, "de-DE" */
	char *computer_name;
	char *current_control_set;	/* "ControlSet001" */
	struct strvec control_sets;	/* every ControlSetNNN */

	enum win_sealed sealed;
	char *image_state;		/* registry; NULL: absent */
	char *image_state_ini;		/* State.ini; NULL: absent */
	bool setup_in_progress;
	uint32_t setup_type;
	char *setup_cmdline;

	struct kb971033 kb971033;
	struct spp spp;
	struct win_policy policy;

	bool pending_servicing;
	char *pending_reason;
	bool hibernated;
	struct strvec dirty_hives;

	struct win_file setup_complete;	/* path NULL: not there */
	VEC(struct win_file) placed;	/* files in Setup\Scripts\w7prep */
	VEC(struct win_file) answer_files; /* in the order Windows looks for them */

	/* read only on demand, by windows_read_servicing() of servicing.h; NULL: not read */
	struct servicing *servicing;

	VEC(struct refusal) refusals;
};

/*
 * Read the installation in volume @vol. Returns 1 and the facts, 0 when the volume holds no
 * Windows (no \Windows\System32\config\SOFTWARE and SYSTEM), -1 on error. Whatever makes
 * a change unsafe goes into refusals, not into the error.
 */
int windows_read(struct image *im, size_t vol, struct windows *out, struct error *err);
void windows_free(struct windows *win);

struct hive;

/*
 * Part of windows_read() (policy.c): fill win->policy from the open hives. Uses
 * win->control_sets. Values that are not there or of another type count as absent. 0/-1.
 */
int win_policy_read(struct hive *software, struct hive *system, struct windows *win,
		    struct error *err);
void win_policy_free(struct win_policy *policy);

/* The first refusal as an error; 0 when there is none. */
int windows_refuse(const struct windows *win, struct error *err);

/* Windows 7 or Server 2008 R2: version 6.1, and not Windows PE. */
bool windows_is_7(const struct windows *win);

/* "Windows 7 Enterprise (Enterprise, amd64, SP1)": for messages; the caller frees it. */
char *windows_describe(const struct windows *win);

/* Names of the bits of enum kb971033_sign, for reports: "cbs-package", … NULL past the end. */
const char *kb971033_sign_name(enum kb971033_sign sign);

/* Path below the Windows directory: win->root + @rest; the caller frees it. */
char *windows_path(const struct windows *win, const char *rest);

#endif
