/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/guestfs_launch.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/text.h"
#include "image/guestfs_kvm.h"
#include "image/guestfs_watch.h"

/*
 * Seconds. A launch takes 3 with KVM and 8 emulated, several times that on a busy machine, and
 * the first one builds the appliance. KVM that hangs usually says so within one second.
 */
#define LIMIT_KVM 180
#define LIMIT_EMULATED 900
#define LIMIT_MAX 86400

#define CONSOLE_MAX (64u << 10)

enum accel {
	ACCEL_AS_ASKED,		/* the user's own settings */
	ACCEL_KVM,
	ACCEL_EMULATED,
};

struct launch {
	guestfs_h *g;
	int on_console;		/* libguestfs's number of the callback */
	struct watch *watch;
	struct buf console;	/* what qemu and the appliance's kernel said, up to CONSOLE_MAX */
};

static void launch_free(struct launch *l)
{
	if (l->g)
		guestfs_close(l->g);
	buf_free(&l->console);
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

/* libguestfs's messages go on for lines about debugging: the first says what is wrong. */
static char *first_line(const char *text)
{
	return text ? xstrndup(text, strcspn(text, "\n")) : xstrdup("no reason given");
}

int appliance_err(guestfs_h *g, struct error *err, const char *what, ...)
{
	CLEANUP(free) char *why = first_line(guestfs_last_error(g));
	va_list ap;

	if (cancel_requested())
		return err_set(err, ERR_INTERRUPT, "interrupted");
	va_start(ap, what);
	err_vset(err, ERR_ENGINE, what, ap);
	va_end(ap);
	if (err) {
		CLEANUP(free) char *message = steal_ptr(&err->message);

		err_set(err, ERR_ENGINE, "%s: %s", message ? message : "?", why);
	}
	return -1;
}

/* Runs in the thread that launches. */
static void on_console(guestfs_h *g, void *opaque, uint64_t event, int handle, int flags,
    const char *text, size_t n, const uint64_t *array, size_t array_len)
{
	struct launch *l = opaque;

	(void)event, (void)handle, (void)flags, (void)array, (void)array_len;
	if (!l->watch)
		return;
	if (l->console.len + n <= CONSOLE_MAX)
		buf_add(&l->console, text, n);
	if (kvm_stopped(&l->console))
		watch_give_up(l->watch);
	if (guestfs_get_verbose(g))
		log_debug("appliance: %.*s", (int)n, text);
}

/* With LIBGUESTFS_DEBUG; without a handler libguestfs prints these. */
static void on_message(guestfs_h *g, void *opaque, uint64_t event, int handle, int flags,
    const char *text, size_t n, const uint64_t *array, size_t array_len)
{
	(void)g, (void)opaque, (void)event, (void)handle, (void)flags, (void)array;
	(void)array_len;
	log_debug("libguestfs: %.*s", (int)n, text);
}

/*
 * Measured, emulated on two processors: fewer udev workers (a kernel parameter of udev's) start
 * in 0.9 of the time; memory, processor model, machine and other kernel options made no
 * difference. One virtual processor: with two every call takes five times as long.
 */
static int tune(guestfs_h *g, enum accel accel)
{
	if (!is_set("LIBGUESTFS_BACKEND") && guestfs_set_backend(g, "direct") != 0)
		return -1;
	if (accel != ACCEL_AS_ASKED) {
		if (accel == ACCEL_EMULATED &&
		    guestfs_set_backend_setting(g, "force_tcg", "1") != 0)
			return -1;
		if (!is_set("LIBGUESTFS_APPEND") &&
		    guestfs_set_append(g, "udev.children_max=2") != 0)
			return -1;
	}
	/* a Ctrl-C is ours to handle; what must be on the disk is synced by name */
	if (guestfs_set_pgroup(g, 1) != 0 || guestfs_set_network(g, 0) != 0 ||
	    guestfs_set_autosync(g, 0) != 0)
		return -1;
	/* whatever LIBGUESTFS_TRACE says: it would show what is written into files */
	return guestfs_set_trace(g, 0);
}

/* The environment is read in a second step: its errors would go to standard error. */
static guestfs_h *new_handle(struct error *err)
{
	guestfs_h *g = guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT);

	if (!g) {
		err_set(err, ERR_ENGINE, "libguestfs cannot be used");
		return NULL;
	}
	guestfs_set_error_handler(g, NULL, NULL);
	if (guestfs_parse_environment(g) == 0)
		return g;
	appliance_err(g, err, "libguestfs does not understand the environment");
	err_hint(err, "see the variables whose names begin with LIBGUESTFS_");
	guestfs_close(g);
	return NULL;
}

static int prepare(struct launch *l, enum accel accel, appliance_add_drives add, void *opaque,
    struct error *err)
{
	l->g = new_handle(err);
	if (!l->g)
		return -1;
	l->on_console =
	    guestfs_set_event_callback(l->g, on_console, GUESTFS_EVENT_APPLIANCE, 0, l);
	if (l->on_console < 0 ||
	    guestfs_set_event_callback(l->g, on_message,
		GUESTFS_EVENT_LIBRARY | GUESTFS_EVENT_WARNING, 0, NULL) < 0)
		return appliance_err(l->g, err, "libguestfs");
	if (tune(l->g, accel) != 0)
		return appliance_err(l->g, err, "libguestfs");
	if (add(l->g, opaque) != 0)
		return appliance_err(l->g, err, "libguestfs cannot add the disk");
	return 0;
}

static unsigned limit_of(enum accel accel)
{
	const char *asked = getenv("W7PREP_APPLIANCE_TIMEOUT");
	unsigned long seconds;

	if (asked && parse_uint(asked, 1, LIMIT_MAX, &seconds))
		return (unsigned)seconds;
	return accel == ACCEL_KVM ? LIMIT_KVM : LIMIT_EMULATED;
}

static int explain(struct launch *l, enum watch_verdict verdict, unsigned limit,
    struct error *err)
{
	const char *why = guestfs_last_error(l->g);

	if (verdict == WATCH_CANCELLED || cancel_requested())
		return err_set(err, ERR_INTERRUPT, "interrupted");
	if (verdict == WATCH_TIMEOUT) {
		err_set(err, ERR_ENGINE, "the libguestfs appliance did not start within %u seconds",
		    limit);
		return err_hint(err, "try again when the machine is less busy, allow more with "
				     "W7PREP_APPLIANCE_TIMEOUT, or use --engine direct");
	}
	appliance_err(l->g, err, "the libguestfs appliance does not start");
	if (why && strstr(why, "supermin"))
		return err_hint(err, "it is built from this system's kernel: install one "
				     "(linux-image-cloud-amd64) and make /boot/vmlinuz-* readable "
				     "for this user, or use --engine direct");
	return err_hint(err, "see libguestfs-test-tool, or use --engine direct, which needs none");
}

/* One attempt. On failure @complaint, if wanted, says what is wrong with KVM. */
static guestfs_h *attempt(enum accel accel, appliance_add_drives add, void *opaque,
    char **complaint, struct error *err)
{
	struct launch l = {0};
	unsigned limit = limit_of(accel);
	enum watch_verdict verdict;

	if (prepare(&l, accel, add, opaque, err) != 0)
		goto fail;
	l.watch = watch_start(limit);
	if (!l.watch) {
		err_errno(err, "cannot watch the launch of libguestfs");
		goto fail;
	}
	int rc = guestfs_launch(l.g);
	verdict = watch_finish(steal_ptr(&l.watch));
	/* the callback's argument goes out of scope with this function */
	guestfs_delete_event_callback(l.g, l.on_console);
	if (rc == 0 && cancel_requested()) {
		err_set(err, ERR_INTERRUPT, "interrupted");
		goto fail;
	}
	if (rc == 0) {
		guestfs_h *g = steal_ptr(&l.g);

		launch_free(&l);
		return g;
	}
	explain(&l, verdict, limit, err);
	if (complaint) {
		*complaint = kvm_complaint(&l.console);
		if (!*complaint)
			*complaint = verdict == WATCH_TIMEOUT
			    ? xasprintf("nothing happened within %u seconds", limit)
			    : first_line(guestfs_last_error(l.g));
	}
fail:
	launch_free(&l);
	return NULL;
}

/*
 * KVM is to blame when the appliance starts without it: an appliance that cannot be built
 * or an image that cannot be opened fails both times.
 */
static guestfs_h *start_with_kvm(appliance_add_drives add, void *opaque, const char *key,
    struct error *err)
{
	CLEANUP(free) char *complaint = NULL;
	guestfs_h *g = attempt(ACCEL_KVM, add, opaque, &complaint, err);

	if (g || err->code == ERR_INTERRUPT || !complaint)
		return g;
	g = attempt(ACCEL_EMULATED, add, opaque, NULL, err);
	if (g) {
		err_clear(err);
		log_warn("KVM does not work on this machine (%s): emulating, which is slower",
		    complaint);
		kvm_remember_broken(key);
	}
	return g;
}

static guestfs_h *start_watched(appliance_add_drives add, void *opaque, struct error *err)
{
	if (is_set("LIBGUESTFS_BACKEND") || is_set("LIBGUESTFS_BACKEND_SETTINGS"))
		return attempt(ACCEL_AS_ASKED, add, opaque, NULL, err);
	if (!kvm_openable()) {
		log_debug("no access to /dev/kvm: emulating");
		return attempt(ACCEL_EMULATED, add, opaque, NULL, err);
	}
	guestfs_h *g = new_handle(err);
	if (!g)
		return NULL;
	CLEANUP(free) char *hv = guestfs_get_hv(g);
	guestfs_close(g);
	CLEANUP(free) char *key = kvm_machine_key(hv ? hv : "");
	if (!kvm_known_broken(key))
		return start_with_kvm(add, opaque, key, err);
	log_debug("KVM is known not to work here: emulating");
	return attempt(ACCEL_EMULATED, add, opaque, NULL, err);
}

guestfs_h *appliance_start(appliance_add_drives add, void *opaque, struct error *err)
{
	CLEANUP(error) struct error own = ERROR_INIT;
	guestfs_h *g;

	log_info("starting the libguestfs appliance");
	g = start_watched(add, opaque, &own);
	if (!g)
		err_move(err, &own);
	return g;
}
