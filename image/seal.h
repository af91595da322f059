/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sealed copies: what an undo record keeps of an image that held a product key. A record lies beside
 * the image, often on a store that many machines mount; the key that opens it does not: it stays in
 *
 *     $XDG_STATE_HOME/w7prep/undo.key, ~/.local/state/w7prep/undo.key, or, where there is
 *     no home, /var/lib/w7prep/undo.key		(32 random bytes, mode 0600, made when first needed)
 *
 * To open one, all three are looked at.
 *
 * A sealed file: "w7prep sealed 1\n", 16 bytes that say which key it was, and a stream of libsodium's
 * secretstream (XChaCha20-Poly1305): its header, then pieces of 64 KiB, of which the last is marked.
 * So a piece that was changed, moved or cut off is noticed.
 */
#ifndef W7PREP_IMAGE_SEAL_H
#define W7PREP_IMAGE_SEAL_H

#include "common/error.h"

/* The content of @from, from its beginning, sealed into the empty file @to; not synced. */
int seal_fd(int from, int to, struct error *err);
/*
 * The other way; @to then holds exactly the content. @to -1: only look whether it could be done.
 * ERR_NO_UNDO where the key is not at hand,
 * ERR_DAMAGED where @from is not what seal_fd() wrote; then @to may hold a part of it.
 */
int unseal_fd(int from, int to, struct error *err);

/*
 * The same for files: @to must not be there and gets owner (as far as we may), mode and
 * times of @from; synced, and removed again on an error.
 */
int seal_file(const char *from, const char *to, struct error *err);
int unseal_file(const char *from, const char *to, struct error *err);

/* Where the key to seal with is, or will be; the caller frees it. */
char *seal_key_path(void);

#endif
