/* notify/delivery.c - a person need not know which company carries a text; that it was carried, or why not, he may. */
#include "notify/delivery.h"
#include "channels/codec.h"
#include "notify/stream.h"

struct str delivery_channel(int32_t kind)
{
	const struct effect_kind *row = effect_kind_of(kind);
	if (kind == KIND_sms_aliyun)
		return STR("sms");
	return row != NULL ? str_c(row->name) : STR("unknown");
}

#define WORDS(text) { text, sizeof(text) - 1 }

static const struct {
	enum effect_state state;
	enum effect_receipt receipt;
	struct delivery_words words;
} states[] = {
#define STATE(state_, receipt_, zh, en, next_zh, next_en) \
	{ EFFECT_##state_, RECEIPT_##receipt_, { .text = { WORDS(zh), WORDS(en) }, .next = { WORDS(next_zh), WORDS(next_en) } } },
#define CODE(...)
#define VERDICT(...)
#include "notify/delivery_words.def"
#undef STATE
#undef CODE
#undef VERDICT
};

static const struct {
	int32_t kind;
	struct str code;
	struct delivery_words words;
} codes[] = {
#define STATE(...)
#define CODE(kind_, code_, zh, en, next_zh, next_en) \
	{ KIND_##kind_, WORDS(code_), { .text = { WORDS(zh), WORDS(en) }, .next = { WORDS(next_zh), WORDS(next_en) } } },
#define VERDICT(...)
#include "notify/delivery_words.def"
#undef STATE
#undef CODE
#undef VERDICT
};

static const struct str verdicts[][LANG_COUNT] = {
#define STATE(...)
#define CODE(...)
#define VERDICT(verdict, zh, en) [VERDICT_##verdict] = { WORDS(zh), WORDS(en) },
#include "notify/delivery_words.def"
#undef STATE
#undef CODE
#undef VERDICT
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct delivery_words *words_of_code(int32_t kind, struct str code)
{
	for (size_t i = 0; i < COUNT(codes); i++)
		if (codes[i].kind == kind && str_eq(codes[i].code, code))
			return &codes[i].words;
	return NULL;
}

const struct delivery_words *delivery_words(const struct effect_view *e)
{
	const struct delivery_words *said = words_of_code(e->kind, str_c(e->code)), *known = &states[0].words;
	for (size_t i = 0; i < COUNT(states); i++)
		if (states[i].state == e->state && (states[i].receipt == e->receipt || states[i].receipt == RECEIPT_NONE))
			known = &states[i].words;
	/* A provider's word explains why something has not left; once it has, its receipt is the last word. */
	bool has_left = e->state == EFFECT_DONE || e->receipt != RECEIPT_NONE;
	return said != NULL && !has_left ? said : known;
}

struct str delivery_attempt_text(int32_t kind, int verdict, struct str code, enum lang lang)
{
	const struct delivery_words *said = words_of_code(kind, code);
	if (said != NULL && verdict != VERDICT_DONE)
		return said->text[lang];
	if (verdict > 0 && (size_t)verdict < COUNT(verdicts) && verdicts[verdict][lang].at != NULL)
		return verdicts[verdict][lang];
	return lang == LANG_ZH ? STR("正在发送") : STR("Being sent");
}

void delivery_mask(struct str phone, char out[12])
{
	memcpy(out, "***********", 12);
	if (phone.len != 11)
		return;
	memcpy(out, phone.at, 3);
	memcpy(out + 7, phone.at + 7, 4);
}

bool delivery_changed(struct tx *tx, const struct effect_view *e, int64_t now_ms, struct fail *why)
{
	const struct stream_event event = { STREAM_DELIVERY, e->id, (int64_t)e->state + (int64_t)e->receipt * 256 };
	int64_t seq;
	return e->message == 0 || e->person == 0 || stream_add(tx, e->person, &event, 1, 0, now_ms, &seq, why);
}
