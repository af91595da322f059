/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts and errors as JSON values, in whatever is reported. */
#include "common/cleanup.h"
#include "plugin/report.h"

json_t *report_json_text(const char *s)
{
	if (!s)
		return json_null();
	json_t *j = json_string(s);
	if (j)
		return j;
	/* host file names may be any bytes */
	CLEANUP(buf) struct buf b = BUF_INIT;
	for (; *s; s++) {
		if ((unsigned char)*s < 0x80)
			buf_add(&b, s, 1);
		else
			buf_adds(&b, "\xef\xbf\xbd");
	}
	return json_string(b.len ? b.data : "");
}

json_t *report_json_texts(const struct strvec *list)
{
	json_t *a = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(a, report_json_text(list->v[i]));
	return a;
}

json_t *report_json_error(const struct error *err)
{
	json_t *o = json_object();

	json_object_set_new(o, "code", report_json_text(err_code_name(err->code)));
	json_object_set_new(
	    o, "message", report_json_text(err->message ? err->message : "out of memory"));
	json_object_set_new(o, "hint", report_json_text(err_hint_text(err)));
	json_object_set_new(
	    o, "image_changed", json_boolean(err_status(err) == EXIT_FAILED_CHANGED));
	return o;
}
