/* services/applying/application_changes.c - two editions side by side. */
#include "services/applying/application_changes.h"

#include <stdio.h>

static bool add(struct changes *out, struct arena *a, struct str pointer, const char *what, const struct material *file, struct fail *why)
{
	struct str kept = str_copy(a, pointer);
	if (kept.at == NULL || out->count == CHANGES_MAX)
		return FAILS(why, MEMORY, "changes");
	out->at[out->count++] = (struct change){ .pointer = kept, .what = what, .of_file = file != NULL, .file = file != NULL ? file->key : (struct id){ { 0 } } };
	return true;
}

static bool answer_changed(struct changes *out, struct arena *a, const char *key, const char *what, struct fail *why)
{
	char pointer[FIELD_KEY_MAX + 16];
	int len = snprintf(pointer, sizeof pointer, "/answers/%s", key);
	return add(out, a, (struct str){ pointer, (size_t)len }, what, NULL, why);
}

static bool answers_between(const json_t *before, const json_t *now, struct arena *a, struct changes *out, struct fail *why)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)now, key, value) {
		const json_t *was = json_object_get(before, key);
		if (!json_equal(was, value) && !answer_changed(out, a, key, was == NULL ? "added" : "changed", why))
			return false;
	}
	json_object_foreach((json_t *)before, key, value)
		if (json_object_get(now, key) == NULL && !answer_changed(out, a, key, "removed", why))
			return false;
	return true;
}

static bool holds(const struct handed *h, const struct material *m)
{
	for (int i = 0; i < h->file_count; i++)
		if (h->files[i].number == m->number && h->files[i].is_certificate == m->is_certificate &&
		    (m->is_certificate ? memcmp(h->files[i].sha256, m->sha256, SHA256_BYTES) == 0 : h->files[i].blob == m->blob))
			return true;
	return false;
}

static bool files_between(const struct handed *in, const struct handed *not_in, const char *what, struct arena *a, struct changes *out, struct fail *why)
{
	for (int i = 0; i < in->file_count; i++) {
		char pointer[40];
		if (holds(not_in, &in->files[i]))
			continue;
		int len = snprintf(pointer, sizeof pointer, "/materials/%lld", (long long)in->files[i].number);
		if (!add(out, a, (struct str){ pointer, (size_t)len }, what, &in->files[i], why))
			return false;
	}
	return true;
}

bool changes_between(const struct handed *before, const struct handed *now, struct arena *a, struct changes *out, struct fail *why)
{
	out->count = 0;
	return answers_between(before->answers, now->answers, a, out, why) && files_between(now, before, "added", a, out, why) && files_between(before, now, "removed", a, out, why);
}

bool changes_since(struct tx *tx, int64_t case_id, int64_t back, struct str answers, const struct material *files, int file_count, struct arena *a, struct changes *out,
		   struct fail *why)
{
	struct submission s;
	bool found;
	struct material *old = arena_alloc(a, MATERIALS_MAX * sizeof *old);
	int old_count;
	*out = (struct changes){ .since = 0 };
	if (old == NULL)
		return FAILS(why, MEMORY, "files");
	if (!submission_last(tx, case_id, back, a, &s, &found, why) || !found)
		return why->code == FAIL_NONE;
	DROP(json) json_t *before = json_read(s.answers, why), *now = json_read(answers, why);
	if (before == NULL || now == NULL || !material_list(tx, s.application, s.edition, old, &old_count, why))
		return false;
	out->since = s.n;
	return changes_between(&(struct handed){ before, old, old_count }, &(struct handed){ now, files, file_count }, a, out, why);
}

void changes_out(struct json_out *j, const struct changes *c)
{
	char key[ID_TEXT_BYTES];
	if (c->since == 0) {
		json_add_nothing(j, "changes");
		return;
	}
	json_put_name(j, "changes");
	json_put_object(j);
	json_add_number(j, "since", c->since);
	json_put_name(j, "items");
	json_put_array(j);
	for (int i = 0; i < c->count; i++) {
		json_put_object(j);
		json_add_text(j, "pointer", c->at[i].pointer);
		json_add_plain(j, "change", str_c(c->at[i].what));
		if (c->at[i].of_file) {
			id_text(c->at[i].file, MATERIAL_PREFIX, key);
			json_add_text(j, "id", str_c(key));
		}
		json_put_object_end(j);
	}
	json_put_array_end(j);
	json_put_object_end(j);
}
