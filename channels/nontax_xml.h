/* channels/nontax_xml.h - the XML inside CNNONTAX messages: GBK text to a flat list of leaf elements, and back. Pure.
 *
 * No document type, so no entity but XML's own five; few levels, few elements; each name at most once, for which of two is meant nobody could say.
 * Thread: any. */
#ifndef CHANNELS_NONTAX_XML_H
#define CHANNELS_NONTAX_XML_H
#include "base/arena.h"
#include "base/str.h"

enum { NONTAX_FIELDS_MAX = 64, NONTAX_FIELD_NAME_MAX = 40, NONTAX_DEPTH_MAX = 8 };

struct nontax_fields {
	int count;
	struct {
		struct str name, text; /* UTF-8, in the arena; trimmed */
	} at[NONTAX_FIELDS_MAX];
};

bool nontax_xml_read(struct str gbk, struct nontax_fields *out, struct arena *a); /* false: not such XML, not GBK, or too much of it */
struct str nontax_field(const struct nontax_fields *f, const char *name);         /* at NULL: it has none */

void nontax_xml_text(struct buf *to, struct str text);                 /* escaped, UTF-8 */
bool nontax_gbk(struct str utf8, struct arena *a, struct str *out);    /* false: a character GBK has not */
bool nontax_utf8(struct str gbk, struct arena *a, struct str *out);    /* false: not GBK */
#endif
