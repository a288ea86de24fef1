/* tests/contract/services_money_life.h - part of services_money.h: what people do by a plan, and what is left in the end. */

/* ---- people: each stage is tried until what it wants is there ---- */

enum stage { STAGE_ORDER, STAGE_PAY, STAGE_ACT, STAGE_GIVEN_UP, STAGE_LATER, STAGE_SETTLE, STAGE_REFUND, STAGE_OVER };

static inline bool notice_make(struct life *l, struct notice *n)
{
	enum notice_put what;
	*n = (struct notice){ .code_division = 621200, .check_code = STR_NONE, .kind = NOTICE_PENALTY, .division = 621200, .unit = STR("065080906"), .unit_name = STR("市公安局"), .payer = STR("王小明"),
		.count = 1, .items = { { STR("103050101"), STR("罚款"), l->plan.fen } }, .amount_fen = l->plan.fen, .total_fen = l->plan.fen, .state = NOTICE_UNPAID };
	snprintf(n->code, sizeof(n->code), "6212002610000%07d", l->n);
	return notice_put(m.tx, n, BEGAN, money_salt, &what, m.why);
}

static inline bool orders(struct life *l)
{
	struct notice n;
	TRY(notice_make(l, &n));
	l->notice = n.id;
	struct order_new o = { .key = key_draw(), .person = 1, .notices = &n, .count = 1, .now_ms = m.now_ms, .hold_ms = HOLD_MS, .open_max = 100, .salt = money_salt };
	TRY(order_make(m.tx, &o, &l->order, m.why));
	l->stage = l->plan.kind == GIVEN_UP && l->plan.never_there ? STAGE_ACT : STAGE_PAY;
	return true;
}

static inline bool held(struct life *l, struct order *o)
{
	return order_hold(m.tx, l->order.id, m.why) && order_read(m.tx, l->order.id, o, m.why);
}

/* Until a phone has what it pays with. */
static inline bool pays(struct life *l)
{
	struct order o;
	struct attempt a;
	TRY(held(l, &o));
	if (o.state == ORDER_OPEN) {
		struct attempt_new n = { .key = key_draw(), .channel = PAY_BY_WECHAT, .method = ATTEMPT_BY_NATIVE, .now_ms = m.now_ms, .salt = money_salt };
		return attempt_make(m.tx, &o, &n, &a, m.why);
	}
	TRY(attempt_live(m.tx, o.id, &a, &m.arena, m.why));
	if (a.id == 0 || a.state != ATTEMPT_READY)
		return true;
	l->there = there_of(a.number, a.total_fen);
	l->stage = STAGE_ACT;
	return true;
}

static inline void phone_pays(struct life *l, int words)
{
	l->there->is_paid = true;
	for (; words > 0; words--)
		says(false, trade_text(l->there));
}

static inline bool gives_up(struct life *l)
{
	struct order o;
	struct attempt a;
	l->stage = STAGE_GIVEN_UP;
	TRY(held(l, &o));
	if (l->plan.expires || (o.state != ORDER_OPEN && o.state != ORDER_PAYING))
		return true;
	if (o.state == ORDER_OPEN)
		return order_move(m.tx, &o, ORDER_CLOSED, m.now_ms, m.why);
	return attempt_live(m.tx, o.id, &a, &m.arena, m.why) && attempt_wind_up(m.tx, &a, ORDER_CLOSED, m.now_ms, m.why);
}

static inline bool acts(struct life *l)
{
	struct finance_word w = { .trace_no = STR("2026112608000099999999999999"), .fen = l->plan.fen };
	char code[32];
	enum heard heard;
	int64_t notice;
	switch (l->plan.kind) {
	case PHONE:
		phone_pays(l, draw(4));
		l->stage = STAGE_REFUND;
		return true;
	case ELSEWHERE_AND_PHONE:
		phone_pays(l, draw(3));
		break;
	case ELSEWHERE:
		break;
	default:
		return gives_up(l);
	}
	w.payment_code = (struct str){ code, (size_t)snprintf(code, sizeof(code), "6212002610000%07d", l->n) };
	TRY(finance_heard(m.tx, &w, m.now_ms, &heard, &notice, &m.arena, m.why));
	if (draw(2))
		TRY(finance_heard(m.tx, &w, m.now_ms, &heard, &notice, &m.arena, m.why));
	l->stage = l->plan.kind == ELSEWHERE ? STAGE_OVER : STAGE_SETTLE;
	return true;
}

static inline bool is_given_up(struct life *l)
{
	struct order o;
	TRY(held(l, &o));
	if (o.state == ORDER_CLOSED || o.state == ORDER_EXPIRED)
		l->stage = l->plan.kind == GIVEN_UP ? STAGE_OVER : STAGE_LATER;
	return true;
}

static inline bool at_the_counter(struct life *l)
{
	struct notice n;
	struct order o;
	int64_t payment;
	char reference[24];
	TRY(notice_read(m.tx, l->notice, &n, &m.arena, m.why));
	struct order_new w = { .key = key_draw(), .staff = 1, .notices = &n, .count = 1, .now_ms = m.now_ms, .hold_ms = HOLD_MS, .open_max = 100, .salt = money_salt };
	l->is_at_counter = true;
	return order_make(m.tx, &w, &o, m.why) && payment_take(m.tx, &o, PAY_BY_POS, (struct str){ reference, (size_t)snprintf(reference, sizeof(reference), "T%d", l->n) }, l->plan.fen, m.now_ms, &m.arena, &payment, m.why);
}

/* The channel takes money for what it has closed, at the counter somebody pays: in either order. */
static inline bool later(struct life *l)
{
	bool by_counter = l->plan.kind != LATE, by_phone = l->plan.kind != COUNTER;
	if (by_phone && !l->is_told_late && (l->is_at_counter || !by_counter || draw(2))) {
		phone_pays(l, 1 + draw(3)); /* nobody asks about it any more */
		l->is_told_late = true;
	} else if (by_counter && !l->is_at_counter) {
		TRY(at_the_counter(l));
	}
	if (l->is_told_late == by_phone && l->is_at_counter == by_counter)
		l->stage = by_phone ? STAGE_SETTLE : STAGE_OVER;
	return true;
}

static inline bool settles(struct life *l)
{
	enum odd_proposes what;
	struct odd_row odd[8];
	struct refund r;
	int64_t payment;
	int count, at = 0;
	const struct odd_filter f = { .state = ODD_IS_OPEN, .below = INT64_MAX };
	TRY(odd_money_list(m.tx, &f, odd, 8, &count, &m.arena, m.why));
	while (at < count && odd[at].money.order != l->order.id)
		at++;
	if (at == count)
		return true;
	TRY(odd_money_proposes(m.tx, &odd[at], &what, m.why));
	const struct odd_applying w = { .odd = &odd[at], .key = key_draw(), .staff = 1, .now_ms = m.now_ms, .salt = money_salt };
	l->stage = STAGE_OVER;
	money_seen.odd++;
	if (what == ODD_TO_APPLY)
		return odd_money_apply(m.tx, &w, &payment, &m.arena, m.why);
	return refund_odd(m.tx, &odd[at], key_draw(), 1, STR("重复缴款"), money_salt, m.now_ms, &r, &m.arena, m.why);
}

static inline bool asks_back(struct life *l)
{
	struct refundable of;
	if (l->at == l->plan.parts) {
		l->stage = STAGE_OVER;
		return true;
	}
	TRY(refundable_find(m.tx, l->notice, &of, m.why));
	if (of.payment == 0)
		return true; /* not paid yet, as far as we know */
	const struct part *p = &l->plan.part[l->at];
	struct refund *r = &l->refund[l->at++];
	const struct refund_new n = { .key = key_draw(), .of = &of, .asker = REFUND_ASKED_BY_PERSON, .asked_by = 1, .refundable_fen = of.paid_fen - of.asked_fen, .fen = p->fen, .ground = REFUND_FOR_OVERCHARGED,
		.reason = STR("多收了"), .now_ms = m.now_ms, .salt = money_salt };
	TRY(refund_ask(m.tx, &n, r, m.why) && refund_reviewed(m.tx, r, m.now_ms, m.why));
	return p->is_withdrawn ? refund_given_up(m.tx, r, REFUND_WITHDRAWN, m.now_ms, m.why) : refund_approved(m.tx, r, REFUND_BY_CHANNEL, m.now_ms, &m.arena, m.why);
}

static inline bool goes_on(struct life *l)
{
	static bool (*const stages[])(struct life *) = { [STAGE_ORDER] = orders, [STAGE_PAY] = pays, [STAGE_ACT] = acts, [STAGE_GIVEN_UP] = is_given_up, [STAGE_LATER] = later, [STAGE_SETTLE] = settles,
		[STAGE_REFUND] = asks_back };
	return l->stage == STAGE_OVER || stages[l->stage](l);
}

/* ---- telling it ---- */

static inline bool step(void)
{
	bool did;
	int what = draw(100);
	arena_reset(&m.arena);
	if (what < 30)
		return goes_on(&m.life[draw(ORDERS)]);
	if (what < 60)
		return notifier_step(&did) && refund_answers();
	if (what < 80)
		return called_back();
	if (what < 88)
		return job();
	m.now_ms += draw(60000);
	return sweeps();
}

/* Everything gets through now, and the day goes by. */
static inline bool calm(void)
{
	bool did = true;
	m.is_calm = true;
	for (int i = 0; i < ROUNDS; i++) {
		arena_reset(&m.arena);
		for (int l = 0; l < ORDERS; l++)
			TRY(goes_on(&m.life[l]));
		for (did = true; did;)
			TRY(notifier_step(&did));
		while (m.word_count > 0)
			TRY(called_back());
		TRY(refund_answers() && job() && sweeps());
		m.now_ms += HOUR_MS;
	}
	return true;
}

/* ---- what is left ---- */

static inline void wrong(const char *what, int64_t n)
{
	if (money_wrong[0] == '\0')
		snprintf(money_wrong, sizeof(money_wrong), "%s: %" PRId64, what, n);
}

static inline bool none(const char *const sql)
{
	int64_t n;
	DROP(stmt) struct stmt *q = tx_query(m.tx, sql, m.why);
	TRY(q != NULL && stmt_row(q, m.why));
	n = stmt_int(q, 0);
	if (n != 0)
		wrong(sql, n);
	return true;
}

static inline bool books_agree(void)
{
	struct ledger_walk walk = { 0 };
	int64_t ours, theirs = 0;
	TRY(none("SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM ledger_posting") && none("SELECT COUNT(*) FROM pay_callback_due") &&
	    none("SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind IN (3, 4)") /* suspense, on its way back */ &&
	    none("SELECT COUNT(*) FROM pay_attempt WHERE is_live = 1 OR ask_ms > 0 OR asking > 0") && none("SELECT COUNT(*) FROM pay_refundable WHERE asked_fen > paid_fen"));
	for (int i = 0; i < m.there_count; i++) {
		const struct there *t = &m.there[i];
		theirs += t->is_paid ? t->fen : 0;
		if (t->exists && t->has_phone && !t->is_paid && !t->is_closed)
			wrong("it can still be paid there", i);
	}
	for (int i = 0; i < m.back_count; i++)
		theirs -= m.back[i].state == REFUND_SAID_SUCCESS ? m.back[i].fen : 0;
	TRY(number("SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account WHERE a.kind = 1 AND a.channel = $1", PAY_BY_WECHAT, &ours));
	if (ours != theirs)
		wrong("the channel's books and ours differ by", ours - theirs);
	TRY(ledger_walk(m.tx, &walk, LEDGER_WALK_JOURNALS_MAX, m.why));
	if (walk.wrong != LEDGER_FINE)
		wrong("the ledger does not verify", walk.wrong);
	return true;
}

#define OF_NOTICE "FROM pay_order_notice k JOIN pay_payment p ON p.pay_order = k.pay_order WHERE k.notice = $1 AND p.channel = "
#define BACK_OF "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM pay_refund WHERE state = 6 AND "

static inline bool end_of(const struct life *l, char *to, size_t size)
{
	static const char *const odd_words[] = { "none", "open", "applied", "refunding", "refunded" };
	int64_t notice, order, phone, counter, back, back_odd, odd, odds;
	TRY(number("SELECT state FROM pay_notice WHERE id = $1", l->notice, &notice) && number("SELECT state FROM pay_order WHERE id = $1", l->order.id, &order) &&
	    number("SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT) " OF_NOTICE "3", l->notice, &phone) && number("SELECT CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT) " OF_NOTICE "2", l->notice, &counter) &&
	    number(BACK_OF "notice = $1", l->notice, &back) && number(BACK_OF "odd IN (SELECT id FROM pay_odd WHERE pay_order = $1)", l->order.id, &back_odd) &&
	    number("SELECT state FROM pay_odd WHERE pay_order = $1", l->order.id, &odd) && number("SELECT COUNT(*) FROM pay_odd WHERE pay_order = $1", l->order.id, &odds));
	if (odds > 1)
		wrong("odd money twice", odds);
	snprintf(to, size, "%d: notice %s, order %s, phone %" PRId64 ", counter %" PRId64 ", back %" PRId64 ", odd %s\n", l->n,
		notice == NOTICE_PAID ? "paid" : notice == NOTICE_UNPAID ? "unpaid" : notice == NOTICE_ELSEWHERE ? "elsewhere" : "?",
		order == ORDER_PAID ? "paid" : order == ORDER_CLOSED || order == ORDER_EXPIRED ? "given up" : order_state_text((enum order_state)order).at, phone, counter, back + back_odd, odd_words[odd]);
	return true;
}

static inline bool ends_as_planned(void)
{
	char is[256], should[256];
	for (int i = 0; i < ORDERS; i++) {
		TRY(end_of(&m.life[i], is, sizeof(is)));
		plan_end(&m.life[i].plan, m.life[i].n, should, sizeof(should));
		if (strcmp(is, should) != 0 && money_wrong[0] == '\0')
			snprintf(money_wrong, sizeof(money_wrong), "plan %d ends as %sinstead of %s", (int)m.life[i].plan.kind, is, should);
	}
	return true;
}

static inline void money_begin(struct tx *tx, struct fail *why)
{
	memset(&m, 0, sizeof(m));
	money_wrong[0] = '\0';
	m.now_ms = BEGAN;
	m.tx = tx;
	m.why = why;
	arena_init(&m.arena, 4 << 20);
}

static inline bool money_lived(struct tx *tx, void *ctx, struct fail *why)
{
	const struct telling *t = ctx;
	money_begin(tx, why);
	plan_dice = (uint64_t)t->seed * UINT64_C(2654435761) + 1;
	order_dice = (uint64_t)(2 * t->seed + t->order) * UINT64_C(1000003) + 7;
	for (int i = 0; i < ORDERS; i++) {
		m.life[i] = (struct life){ .n = i + 1 };
		plan_draw(&m.life[i].plan);
	}
	bool ok = true;
	for (int i = 0; ok && i < NOISE; i++)
		ok = step();
	ok = ok && calm() && books_agree() && ends_as_planned();
	arena_free(&m.arena);
	return ok && FAILS(why, GONE, "rolled back by the test");
}

/* Who pays, and who stands at the counter. */
static inline bool money_people(struct tx *tx, void *ctx, struct fail *why)
{
	static const struct { const char *sql; bool is_sealed; } rows[] = {
		{ "INSERT INTO region (code, name, level) VALUES (621200, '陇南市', 2)", false },
		{ "INSERT INTO person (id, facts, kind, made_ms) VALUES (1, $1, 0, 0)", true },
		{ "INSERT INTO staff (id, account, name, region, roles, state, password, password_ms, totp, totp_step, invited_until_ms, made_ms, changed_ms)"
		  " VALUES (1, 'clerk', $1, 621200, 0, 2, '', 0, $1, 0, 0, 0, 0)", true },
	};
	(void)ctx;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		DROP(stmt) struct stmt *q = tx_query(tx, rows[i].sql, why);
		TRY(q != NULL);
		if (rows[i].is_sealed)
			stmt_bind_blob(q, 1, "", 0);
		TRY(stmt_run(q, why));
	}
	return true;
}
