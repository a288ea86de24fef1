/* gateway/commands/command_reconcile.c - siban reconcile: statements brought from a file, a day looked at, held beside our books again, what did not match, tables taken away, and two things proposed: how a difference is settled, and that a day is closed. */
#include "base/hash.h"
#include "base/clock.h"
#include "base/day.h"
#include "base/json.h"
#include "gateway/commands/command.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TARGET_BYTES = 384, WAITS = 1200, WAIT_NS = 100000000, PROGRESS_EVERY_MS = 200, TOKEN_MAX = 256 };

static const char help_text[] =
	"siban reconcile - the payment office's day, from the command line (对账：命令行)\n\n"
	"  load FILE --source S --day D [--account A] [--replaces]\n"
	"      brings a statement, gzip or plain: whole or not at all; what is wrong is said with its line. --replaces: a corrected one\n"
	"      导入对账单（可为 gzip）：整份接受或整份拒绝，错误精确到行；更正后的对账单加 --replaces\n"
	"      S: wechat_trade, wechat_fund, wechat_nontax, unionpay, bank, finance\n"
	"      --account: whose it is where the file does not say: a fund flow's merchant, the account of a bank's detail\n"
	"      --account：文件自身不含户名时指明所属：资金账单的商户号，或银行明细的账号\n"
	"  status --day D\n"
	"      how the day stands; exit 3 while something is unexplained          当天的对账情况；有未查明差异时返回 3\n"
	"  run --day D\n"
	"      holds the day beside our books again, and waits                    重新对账并等待完成\n"
	"  differences --day D [--kind K] [--state open|queued|settled|gone]\n"
	"      each of what did not match, with its line in the statement         逐条列出差异，含对账单行号\n"
	"  export TABLE --from D [--to D] [--as csv|gb18030|xlsx] >FILE\n"
	"      a table, whole, on stdout; it is on record                         导出整张表到标准输出；有审计记录\n"
	"      TABLE: differences, days, months, settlement, settlement_units, income, finance, unionpay\n"
	"  settle ITEM ACTION REASON --ours FEN --theirs FEN --region CODE --token-file FILE|-\n"
	"      proposes how a difference is settled; the amounts are those that differences showed: if it is another by now, nothing is proposed\n"
	"      提议一条差异如何处理；两个金额照 differences 所列填写，已有变化则不予提议\n"
	"      ACTION: suspend, write, book, explain\n"
	"  close --day D --region CODE --token-file FILE|-\n"
	"      proposes to close the day                                          提议日结\n"
	"      Both as the clerk whose access token it is (POST /v1/staff/login); another person decides, never this command\n"
	"      两者均以该工作人员的名义提议（令牌来自 /v1/staff/login）；须由另一人审核，本命令不能代为审核\n\n"
	"D: 2026-11-25\n";

/* ---- load ---- */

struct telling {
	int64_t said_ms;
};

static void tell_sent(void *ctx, int64_t bytes, int64_t all)
{
	struct telling *t = ctx;
	int64_t now_ms = clock_mono_ms();
	bool is_all = bytes == all;
	if (t->said_ms < 0 || (!is_all && now_ms - t->said_ms < PROGRESS_EVERY_MS))
		return;
	t->said_ms = is_all ? -1 : now_ms;
	fprintf(stderr, "\rsiban reconcile: %" PRId64 " of %" PRId64 " KiB%s", bytes >> 10, all >> 10, is_all ? ", being judged\n" : "");
}

static int load(struct command_line *l, struct control *k)
{
	struct fail why;
	struct telling telling = { 0 };
	char target[TARGET_BYTES], *answer = NULL;
	size_t len;
	int code = 1;
	fail_clear(&why);
	char *file = file_read(l->words[1], &len, &why);
	if (file == NULL)
		return tell_failure("reconcile", &why);
	snprintf(target, sizeof target, "/control/reconciliation/files?source=%.32s&day=%s&replaces=%d%s%.64s", l->source, l->day, l->replaces, l->account != NULL ? "&account=" : "", l->account != NULL ? l->account : "");
	const struct control_talk talk = { .target = target, .content_type = "application/octet-stream", .body = { file, len }, .sent = tell_sent, .ctx = &telling };
	int status = control_talk(k, &talk, &answer, &why);
	free(file);
	if (status == 0)
		return tell_failure("reconcile", &why);
	if (status >= 300) {
		code = tell_answer("reconcile", status, answer);
	} else {
		DROP(json) json_t *j = json_loads(answer, 0, NULL);
		printf("%s %s: %" PRId64 " lines, %" PRId64 " fen paid, %" PRId64 " fen back, %s\n%s\n", text_in(j, "source"), text_in(j, "day"), number_in(j, "lines"),
		       number_in(j, "payment_fen"), number_in(j, "refund_fen"), status == 201 ? "taken" : "here already", text_in(j, "digest"));
		code = 0;
	}
	free(answer);
	return code;
}

/* ---- a day ---- */

static void say_closed(const json_t *day)
{
	const json_t *closed = json_object_get(day, "closed");
	if (json_is_object(closed))
		printf("%s: closed %s%s\n", text_in(day, "day"), text_in(closed, "at"), json_is_true(json_object_get(closed, "is_changed")) ? ", and changed since" : "");
	if (*text_in(day, "missing") != '\0')
		printf("%s: no statement of %s\n", text_in(day, "day"), text_in(day, "missing"));
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(day, "none"), i, row)
		printf("%s: %s said that there is none\n", text_in(day, "day"), text_in(row, "source"));
	json_array_foreach(json_object_get(day, "not_fetched"), i, row)
		printf("%s: %s did not come of merchant %s\n", text_in(day, "day"), text_in(row, "source"), text_in(row, "merchant"));
	printf("%s: %" PRId64 " unexplained\n", text_in(day, "day"), number_in(day, "unexplained"));
}

static void say(const json_t *day)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(day, "sources"), i, row)
		printf("%-14s %-12s ours %" PRId64 ", theirs %" PRId64 ", matched %" PRId64 ", open %" PRId64 ", queued %" PRId64 ", settled %" PRId64 "%s%s\n", text_in(row, "source"),
		       text_in(row, "state"), number_in(row, "ours"), number_in(row, "theirs"), number_in(row, "matched"), number_in(row, "open"), number_in(row, "queued"),
		       number_in(row, "settled"), *text_in(row, "reason") != '\0' ? ", failed: " : "", text_in(row, "reason"));
	json_array_foreach(json_object_get(day, "differences"), i, row)
		printf("  %-16s %-8s %" PRId64 ", ours %" PRId64 " fen, theirs %" PRId64 " fen, %s, %" PRId64 " days\n", text_in(row, "kind"), text_in(row, "state"), number_in(row, "count"),
		       number_in(row, "ours_fen"), number_in(row, "theirs_fen"), text_in(row, "owner"), number_in(row, "age_days"));
	say_closed(day);
}

static bool is_busy(const json_t *day)
{
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(day, "sources"), i, row)
		if ((strcmp(text_in(row, "state"), "asked") == 0 && *text_in(row, "reason") == '\0') || strcmp(text_in(row, "state"), "under_way") == 0)
			return true;
	return false;
}

/* `waits`: until nothing is under way any more. 3: something is unexplained. */
static int look(struct command_line *l, struct control *k, bool waits)
{
	char target[TARGET_BYTES];
	int code = 0;
	snprintf(target, sizeof target, "/control/reconciliation/days?day=%s", l->day);
	for (int i = 0;; i++) {
		DROP(json) json_t *day = control_json(k, "reconcile", target, STR(""), &code);
		if (day == NULL)
			return code;
		if (!waits || !is_busy(day) || i == WAITS) {
			say(day);
			return number_in(day, "unexplained") > 0 ? 3 : 0;
		}
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_NS }, NULL);
	}
}

static int status(struct command_line *l, struct control *k)
{
	return look(l, k, false);
}

static int run(struct command_line *l, struct control *k)
{
	char target[TARGET_BYTES];
	int code = 0;
	snprintf(target, sizeof target, "/control/reconciliation/runs?day=%s", l->day);
	DROP(json) json_t *asked = control_json(k, "reconcile", target, STR(""), &code);
	return asked == NULL ? code : look(l, k, true);
}

static void difference_out(const json_t *row)
{
	printf("%-10s %-13s %-16s %-8s ours %" PRId64 " fen, theirs %" PRId64 " fen, ", text_in(row, "id"), text_in(row, "source"), text_in(row, "kind"), text_in(row, "state"),
	       number_in(row, "ours_fen"), number_in(row, "theirs_fen"));
	if (number_in(row, "line") > 0)
		printf("line %" PRId64 ", ", number_in(row, "line"));
	printf("%s, %s: %s, %" PRId64 " days\n", text_in(row, "number"), text_in(row, "owner"), *text_in(row, "action") != '\0' ? text_in(row, "action") : text_in(row, "proposes"),
	       number_in(row, "age_days"));
}

static int differences(struct command_line *l, struct control *k)
{
	char target[TARGET_BYTES], cursor[160] = "";
	int code = 0;
	size_t i;
	const json_t *row;
	do {
		snprintf(target, sizeof target, "/control/reconciliation/differences?limit=100&day=%s%s%.24s%s%.24s%s%s", l->day, l->kind != NULL ? "&kind=" : "", l->kind != NULL ? l->kind : "",
			 l->state != NULL ? "&state=" : "", l->state != NULL ? l->state : "", cursor[0] != '\0' ? "&cursor=" : "", cursor);
		DROP(json) json_t *page = control_json(k, "reconcile", target, STR(""), &code);
		if (page == NULL)
			return code;
		json_array_foreach(json_object_get(page, "items"), i, row)
			difference_out(row);
		snprintf(cursor, sizeof cursor, "%s", text_in(page, "next_cursor"));
	} while (cursor[0] != '\0');
	return 0;
}

/* ---- tables ---- */

static bool to_stdout(void *ctx, struct str piece)
{
	(void)ctx;
	return fwrite(piece.at, 1, piece.len, stdout) == piece.len;
}

static int export(struct command_line *l, struct control *k)
{
	struct fail why;
	char target[TARGET_BYTES], *answer = NULL;
	fail_clear(&why);
	snprintf(target, sizeof target, "/control/reconciliation/exports?what=%.32s&from=%.10s&to=%.10s&as=%.16s", l->words[1], l->from, l->to != NULL ? l->to : l->from, l->as != NULL ? l->as : "csv");
	const struct control_talk talk = { .target = target, .content_type = "application/json", .take = to_stdout };
	int status = control_talk(k, &talk, &answer, &why);
	int code = status == 0 ? tell_failure("reconcile", &why) : status >= 300 ? tell_answer("reconcile", status, answer) : 0;
	free(answer);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fputs("siban reconcile: could not write all of it\n", stderr);
	return 1;
}

/* ---- settling and closing: a clerk's own wish ---- */

struct wish {
	const char *kind, *subject;
	json_t *payload; /* owned; NULL: there was no memory */
};

/* Never an argument: others on this machine can read those. */
static bool token_read(const char *path, char token[TOKEN_MAX], struct fail *why)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	if (f == NULL)
		return FAILS(why, SYSTEM, "%s cannot be read", path);
	bool ok = fgets(token, TOKEN_MAX, f) != NULL;
	if (f != stdin)
		fclose(f);
	token[strcspn(token, " \t\r\n")] = '\0';
	return (ok && token[0] != '\0') || FAILS(why, SYSTEM, "no token in %s", path);
}

static int proposed(struct command_line *l, struct control *k, const char *token, const struct wish *w)
{
	struct fail why;
	char *answer = NULL;
	fail_clear(&why);
	DROP(json) json_t *body = json_pack("{s:s,s:s,s:s,s:O}", "kind", w->kind, "region", l->region, "subject", w->subject, "payload", w->payload);
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	const struct control_talk talk = { .target = "/v1/staff/proposals", .content_type = "application/json", .token = token, .body = str_c(text != NULL ? text : "") };
	int status = control_talk(k, &talk, &answer, &why), code;
	free(text);
	if (status == 0 || status >= 300) {
		code = status == 0 ? tell_failure("reconcile", &why) : tell_answer("reconcile", status, answer);
	} else {
		DROP(json) json_t *j = json_loads(answer, 0, NULL);
		printf("%s %s: proposed; another of the payment office decides it: POST /v1/staff/proposals/%s/approve\n", text_in(j, "id"), w->subject, text_in(j, "id"));
		code = 0;
	}
	free(answer);
	return code;
}

static int propose(struct command_line *l, struct control *k, const struct wish *w)
{
	struct fail why;
	char token[TOKEN_MAX];
	fail_clear(&why);
	int code = token_read(l->token_file, token, &why) ? proposed(l, k, token, w) : tell_failure("reconcile", &why);
	wipe(token, sizeof token);
	json_decref(w->payload);
	return code;
}

static bool fen_from(const char *text, int64_t *fen)
{
	return text != NULL && str_to_i64(str_c(text), 0, INT64_MAX, fen);
}

static int settle(struct command_line *l, struct control *k)
{
	int64_t ours = 0, theirs = 0;
	fen_from(l->ours, &ours);
	fen_from(l->theirs, &theirs);
	const struct wish w = { "recon_settle", l->words[1], json_pack("{s:s,s:s,s:I,s:I}", "action", l->words[2], "reason", l->words[3], "ours_fen", (json_int_t)ours, "theirs_fen", (json_int_t)theirs) };
	return propose(l, k, &w);
}

static int close_day(struct command_line *l, struct control *k)
{
	const struct wish w = { "recon_close", l->day, json_object() };
	return propose(l, k, &w);
}

/* ---- which of them ---- */

static bool is_day(const char *text)
{
	int32_t day;
	return text != NULL && day_from_text(str_c(text), &day);
}

static bool is_account(const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;
	return text == NULL || (len > 0 && len <= 64 && strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.") == len);
}

static bool needs_file(const struct command_line *l) { return l->source != NULL && is_day(l->day) && is_account(l->account); }
static bool needs_day(const struct command_line *l) { return is_day(l->day); }
static bool needs_days(const struct command_line *l) { return is_day(l->from) && (l->to == NULL || is_day(l->to)); }
static bool is_clerks(const struct command_line *l) { return l->region != NULL && l->token_file != NULL; }
static bool needs_clerk(const struct command_line *l) { return is_day(l->day) && is_clerks(l); }

static bool needs_amounts(const struct command_line *l)
{
	int64_t fen;
	return fen_from(l->ours, &fen) && fen_from(l->theirs, &fen) && is_clerks(l);
}

static const struct verb {
	const char *name;
	int words;
	bool (*has)(const struct command_line *l);
	int (*run)(struct command_line *l, struct control *k);
} verbs[] = {
	{ "load", 2, needs_file, load }, { "status", 1, needs_day, status }, { "run", 1, needs_day, run }, { "differences", 1, needs_day, differences }, { "export", 2, needs_days, export },
	{ "settle", 4, needs_amounts, settle }, { "close", 1, needs_clerk, close_day },
};

static const struct verb *verb_of(const struct command_line *l)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (l->word_count == verbs[i].words && strcmp(l->words[0], verbs[i].name) == 0 && verbs[i].has(l))
			return &verbs[i];
	return NULL;
}

int command_reconcile(struct command_line *l)
{
	struct fail why;
	const struct verb *verb = verb_of(l);
	fail_clear(&why);
	if (l->help || verb == NULL) {
		fputs(help_text, l->help ? stdout : stderr);
		return l->help ? 0 : 2;
	}
	struct control *k = control_open(&l->config, &why);
	if (k == NULL)
		return tell_failure("reconcile", &why);
	int code = verb->run(l, k);
	control_close(k);
	return code;
}
