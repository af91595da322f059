/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does KVM work here? /dev/kvm may be there and be of no use (nested virtualisation that is
 * only half there): qemu then stops on its first instructions, or ends, and libguestfs would
 * wait for ever. That is found out once, by trying, and remembered for as long as
 * the machine stays as it is.
 */
#ifndef W7PREP_IMAGE_GUESTFS_KVM_H
#define W7PREP_IMAGE_GUESTFS_KVM_H

#include <stdbool.h>

#include "common/buf.h"

/*
 * Look for qemu's complaint about KVM in what an appliance wrote to its console so far.
 * Returns the line that says it (trimmed, at most 120 bytes; the caller frees it), or
 * NULL when there is none.
 */
char *kvm_complaint(const struct buf *console);

/* True when that text says that the virtual machine has stopped for good and qemu has not. */
bool kvm_stopped(const struct buf *console);

/* Can this user open /dev/kvm at all? */
bool kvm_openable(void);

/*
 * What the answer depends on: this boot, the kernel, the qemu at @hv, the device node (made
 * anew when the module is loaded with other parameters). The caller frees it.
 */
char *kvm_machine_key(const char *hv);

/*
 * The cache file, ${XDG_CACHE_HOME:-~/.cache}/w7prep/kvm-broken, holds the key of
 * the machine on which KVM did not work. NULL without a home; the caller frees it.
 */
char *kvm_cache_path(void);
bool kvm_known_broken(const char *key);
/* A cache that cannot be written costs time in the next run and nothing else. */
void kvm_remember_broken(const char *key);

#endif
