/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In the place of ICU in the static program. Debian's libxml2 asks ICU for encodings that it
 * does not know itself; ICU's tables are 28 MB of a program that a room of PCs loads over the
 * network. Answer files are UTF-8 or UTF-16, which libxml2 reads by itself: here every
 * other encoding is one that nobody knows, and libxml2 says so.
 */
#include <unicode/ucnv.h>
#include <unicode/ucnv_err.h>

U_CAPI UConverter *U_EXPORT2 ucnv_open(const char *name, UErrorCode *status)
{
	(void)name;
	*status = U_FILE_ACCESS_ERROR;
	return NULL;
}

U_CAPI void U_EXPORT2 ucnv_close(UConverter *converter)
{
	(void)converter;
}

U_CAPI void U_EXPORT2 ucnv_setToUCallBack(UConverter *converter, UConverterToUCallback action,
    const void *context, UConverterToUCallback *old, const void **old_context, UErrorCode *status)
{
	(void)converter, (void)action, (void)context, (void)old, (void)old_context;
	*status = U_ILLEGAL_ARGUMENT_ERROR;
}

U_CAPI void U_EXPORT2 ucnv_setFromUCallBack(UConverter *converter, UConverterFromUCallback action,
    const void *context, UConverterFromUCallback *old, const void **old_context, UErrorCode *status)
{
	(void)converter, (void)action, (void)context, (void)old, (void)old_context;
	*status = U_ILLEGAL_ARGUMENT_ERROR;
}

U_CAPI void U_EXPORT2 ucnv_convertEx(UConverter *to, UConverter *from, char **target,
    const char *target_end, const char **source, const char *source_end, UChar *pivot,
    UChar **pivot_source, UChar **pivot_target, const UChar *pivot_end, UBool reset, UBool flush,
    UErrorCode *status)
{
	(void)to, (void)from, (void)target, (void)target_end, (void)source, (void)source_end;
	(void)pivot, (void)pivot_source, (void)pivot_target, (void)pivot_end, (void)reset,
	    (void)flush;
	*status = U_ILLEGAL_ARGUMENT_ERROR;
}

U_CAPI void U_EXPORT2 UCNV_TO_U_CALLBACK_STOP(const void *context, UConverterToUnicodeArgs *args,
    const char *units, int32_t length, UConverterCallbackReason reason, UErrorCode *status)
{
	(void)context, (void)args, (void)units, (void)length, (void)reason, (void)status;
}

U_CAPI void U_EXPORT2 UCNV_FROM_U_CALLBACK_STOP(const void *context,
    UConverterFromUnicodeArgs *args, const UChar *units, int32_t length, UChar32 point,
    UConverterCallbackReason reason, UErrorCode *status)
{
	(void)context, (void)args, (void)units, (void)length, (void)point, (void)reason,
	    (void)status;
}
