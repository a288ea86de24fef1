/* gateway/requests/problem.c - the one place that turns a failure into words: RFC 9457, Chinese first, with what to do next. */
#include "base/ids.h"
#include "gateway/door/headers.h"
#include "gateway/requests/task.h"
#include "services/web_page.h"
#include <stdio.h>

enum { RETRY_AFTER_DEFAULT_S = 2 };

static bool is_page(const struct task *t)
{
	return t->r.route != NULL && t->r.route->handler->is_page;
}

static bool speaks_oauth(const struct task *t)
{
	return t->r.route != NULL && t->r.route->handler->is_oauth;
}

static void problem_members(const struct task *t, struct json_out *j)
{
	const struct fail_row *row = fail_row(t->r.why.code);
	bool english = t->r.lang == LANG_EN;
	char type[96];
	snprintf(type, sizeof(type), "urn:siban:problem:%s", row->slug);
	json_add_text(j, "type", str_c(type));
	json_add_text(j, "title", str_c(english ? row->title_en : row->title_zh));
	json_add_number(j, "status", row->http);
	json_add_text(j, "detail", str_c(english ? row->advice_en : row->advice_zh));
	json_add_text(j, "code", str_c(row->slug));
}

/* RFC 9457 3: a list, where one pointer would make people come back for each. */
static void errors_out(const struct request *r, struct json_out *j)
{
	if (r->wrong_count == 0 || r->why.code != FAIL_FORM)
		return;
	json_put_name(j, "errors");
	json_put_array(j);
	for (int i = 0; i < r->wrong_count; i++) {
		json_put_object(j);
		json_add_text(j, "pointer", r->wrong[i].pointer);
		json_add_text(j, "reason", str_c(r->wrong[i].reason));
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void write_problem(struct task *t, struct json_out *j)
{
	const struct fail *why = &t->r.why;
	json_put_object(j);
	(speaks_oauth(t) ? oauth_members : problem_members)(t, j);
	json_add_text(j, "request_id", str_c(t->r.id));
	json_add_text(j, "trace_id", str_c(t->r.trace_id));
	if (why->pointer[0] != '\0')
		json_add_text(j, "pointer", str_c(why->pointer));
	for (int i = 0; i < why->fact_count; i++) {
		if (why->facts[i].is_number)
			json_add_number(j, why->facts[i].name, why->facts[i].number);
		else
			json_add_text(j, why->facts[i].name, str_c(why->facts[i].text));
	}
	errors_out(&t->r, j);
	json_put_object_end(j);
}

static struct str decimal(struct arena *a, int64_t n)
{
	char digits[21];
	return str_copy(a, (struct str){ digits, i64_text(n, digits) });
}

/* 0: nobody needs to wait. */
static int64_t wait_s(const struct fail *why)
{
	int http = fail_row(why->code)->http;
	bool wait = http == 429 || http == 503 || http == 507 || why->code == FAIL_KEY_IN_FLIGHT || why->code == FAIL_PAYING_OTHERWISE;
	return !wait ? 0 : why->retry_after_s > 0 ? why->retry_after_s : RETRY_AFTER_DEFAULT_S;
}

static void write_headers(struct task *t)
{
	struct request *r = &t->r;
	const struct fail_row *row = fail_row(r->why.code);
	if (r->why.code == FAIL_CLIENT && header_is_basic(r->known[HEADER_AUTHORIZATION]))
		reply_header(r, "www-authenticate", STR("Basic realm=\"siban\", charset=\"UTF-8\"")); /* RFC 6749 5.2: by the way that was tried */
	else if (row->http == 401 && r->why.code != FAIL_CLIENT)
		reply_header(r, "www-authenticate", r->why.code == FAIL_TOKEN
			? STR("Bearer realm=\"siban\", error=\"invalid_token\"") : STR("Bearer realm=\"siban\""));
	if (row->http == 405)
		reply_header(r, "allow", t->allow != NULL ? str_c(t->allow) : STR("GET, HEAD, POST, OPTIONS"));
	if (row->http == 426) {
		reply_header(r, "sec-websocket-version", STR("13"));
		if (r->http_major == 1)
			reply_header(r, "upgrade", STR("websocket"));
	}
	if (wait_s(&r->why) > 0) {
		struct str seconds = decimal(&r->arena, wait_s(&r->why));
		reply_header(r, "retry-after", seconds.at != NULL ? seconds : STR("2"));
	}
}

/* A problem always has a trace to be found by, its client's or one of ours. */
static void name_trace(struct request *r)
{
	uint8_t bytes[16];
	if (r->trace_id[0] != '\0')
		return;
	random_bytes(bytes, sizeof(bytes));
	hex_text(bytes, sizeof(bytes), r->trace_id);
}

static bool is_told_by_its_handler(struct task *t)
{
	const struct route *row = t->r.route;
	return row != NULL && row->handler->fails != NULL && row->handler->fails(&t->r);
}

void problem_render(struct task *t)
{
	name_trace(&t->r);
	struct reply *reply = &t->r.reply;
	reply->header_count = 0;
	reply->goes_on = REPLY_ENDS;
	if (is_told_by_its_handler(t))
		return;
	if (is_page(t)) {
		reply->status = fail_row(t->r.why.code)->http;
		if (web_problem(&t->r, fail_row(t->r.why.code), wait_s(&t->r.why))) {
			write_headers(t);
			return;
		}
		reply->header_count = 0;
	}
	reply->content_type = speaks_oauth(t) ? "application/json" : "application/problem+json";
	reply->status = speaks_oauth(t) ? oauth_status(t->r.why.code) : fail_row(t->r.why.code)->http;
	buf_init(&reply->body, &t->r.arena, 768);
	struct json_out j = json_begin(&reply->body);
	write_problem(t, &j);
	if (!json_end(&j)) {
		/* The arena is spent: say so without it. */
		static char memory_gone[] = "{\"type\":\"urn:siban:problem:out_of_memory\",\"title\":\"系统内存不足\",\"status\":503,"
			"\"detail\":\"请稍后再试。\",\"code\":\"out_of_memory\"}";
		reply->status = 503;
		reply->body = (struct buf){ .at = memory_gone, .len = sizeof(memory_gone) - 1, .cap = sizeof(memory_gone) };
	}
	write_headers(t);
}
