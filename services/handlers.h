/* services/handlers.h - every handler of this floor, named as its route; and what must be ready before the first request.
 *
 * Thread: services_start before threads start. */
#ifndef SERVICES_HANDLERS_H
#define SERVICES_HANDLERS_H
#include "base/config.h"
#include "base/request.h"

struct store; /* store/store.h */

extern const struct handler region_list, region_show;
extern const struct handler calendar_show, hall_list, hall_show, guide_show, guide_version_list, guide_diff, catalogue_summary, offline_list, search_show;
extern const struct handler hall_sessions;
extern const struct handler booking_calendar, booking_ticket, ticket_key_list, waitlist_join, waitlist_list, waitlist_leave;
extern const struct handler hall_checkin, hall_queue_list, hall_queue_call, hall_queue_recall, hall_queue_skip, hall_queue_back, hall_queue_done;
extern const struct handler hall_close, hall_merge, hall_excuse;
extern const struct handler hold_create, booking_list, booking_show, booking_confirm, booking_cancel, booking_reschedule;
extern const struct handler outage_list, control_outage_declare;
extern const struct handler department_part_list;
extern const struct handler deadline_list, deadline_feed, tally_feed, hook_add_handler, hook_list_handler, hook_enable_handler, hook_remove_handler, hook_rotate_handler,
	staff_duty_add, staff_duty_list, staff_duty_remove, control_scoreboard;
extern const struct handler matter_list, matter_show;
extern const struct handler otp_send, oauth_token, oauth_revoke;
extern const struct handler login_provincial, login_wechat, me_identity_show, me_identity_provincial, me_window_code, hall_identify;
extern const struct handler me_show, me_session_list, me_session_rename, me_session_end, me_session_end_all;
extern const struct handler notice_show, me_consent_list, me_consent_give, me_consent_withdraw;
extern const struct handler me_data_index, me_data_part, me_erasure_ask, me_erasure_show, me_erasure_take_back;
extern const struct handler me_identity, me_phone, me_reveal, me_step_up, me_merge_list, me_merge_undo;
extern const struct handler me_certificate_challenge, me_certificate;
extern const struct handler me_organisation_represent;
extern const struct handler me_identities, me_identity_link, me_identity_unlink;
extern const struct handler me_mandate_list, me_mandate_offer, me_mandate_show, me_mandate_accept, me_mandate_refuse, me_mandate_revoke;
extern const struct handler application_create, application_list_mine, application_show, application_save, application_renew, application_discard;
extern const struct handler application_submit, application_withdraw, department_application;
extern const struct handler material_upload, material_content, material_remove_one, department_material, certificate_list_mine, certificate_take;
extern const struct handler case_list, case_show, case_events, case_demands, case_lookup;
extern const struct handler case_result, case_result_document, pickup_code_make, department_result, department_result_document, hall_hand_out;
extern const struct handler department_event_post, department_case_show, department_feed;
extern const struct handler refund_create, refund_list_handler, refund_show, refund_withdraw, refund_review, office_refund_again, hall_refund_paid, office_odd_list, office_odd_show, office_aside_list;
extern const struct handler order_create, order_show, order_cancel, order_pay, order_payment_show, hall_payment, hall_barcode, hall_barcode_show, finance_push, finance_frame, office_confirmation_list, office_confirmation_send;
extern const struct handler me_notice_list, me_receipt_list, receipt_verify, receipt_page, receipt_page_ask, web_style, office_receipt_list, office_receipt_send;
extern const struct handler pay_notice_show, department_notice_put, department_notice_show, department_notice_void;
extern const struct handler control_client_add, control_client_allow, control_client_key_add, control_client_key_revoke;
extern const struct handler terminal_visit_open, terminal_hand_over, terminal_hand_over_show, terminal_hand_over_take, me_hand_over_show, me_hand_over_approve;
extern const struct handler control_staff_certificate;
extern const struct handler control_terminal_add, control_terminal_list, control_terminal_revoke;
extern const struct handler control_client_list, control_client_disable, control_client_enable, control_client_cert_add;
extern const struct handler control_effect_list, control_effect_show, control_effect_act, control_effect_send, control_accounts, control_nodes;
extern const struct handler control_callback_list, control_callback_again;
extern const struct handler me_mandate_code, staff_mandate_accept;
extern const struct handler control_sms_test, control_sms_test_show;
extern const struct handler sms_aliyun_receipts, sms_aliyun_probe, wechat_pay_callback, wechat_nontax_callback, wechat_nontax_fee;
extern const struct handler stream_open;
extern const struct handler message_list, message_show, message_read, message_trace;
extern const struct handler control_token, control_import;
extern const struct handler control_key_list, control_key_count, control_key_add, control_key_rotate, control_key_retire;
extern const struct handler staff_activate, staff_login, staff_logout, staff_me, staff_list;
extern const struct handler staff_guide_write, staff_guide_list, staff_guide_show, staff_guide_throw, staff_calendar_propose;
extern const struct handler staff_proposal_make, staff_proposal_list, staff_proposal_show, staff_proposal_approve, staff_proposal_refuse, staff_proposal_withdraw;
extern const struct handler staff_applicant, staff_audit, control_audit, control_hold_list, control_guide_list, control_index;
extern const struct handler control_staff_list, control_staff_add, control_staff_again;
extern const struct handler staff_scoreboard, staff_ranking, scoreboard_show, scoreboard_ranking;
extern const struct handler rating_create, rating_show, hall_rating, office_rating_list;
extern const struct handler voice_create, voice_list, voice_show, voice_feedback, voice_withdraw;
extern const struct handler office_voice_take, office_voice_list, office_voice_show, office_voice_move, office_voice_feed, staff_voice_contact;
extern const struct handler staff_voice_messages, staff_case_messages;
extern const struct handler control_seal_head, control_seal_verify, control_seal_rows;
extern const struct handler control_ledger_verify, control_ledger_balances;
extern const struct handler recon_bring, recon_day_show, recon_run_again, recon_item_list, recon_export, recon_accounts_show;

/* A chunk of an import: more rows would hold the write lane for longer than it may be held (400 matters: about 2 ms). */
enum { IMPORT_ROWS_MAX = 400, IMPORT_LINES_MAX = 16 /* of JSON: a guide costs the committer some 0.15 ms, and nobody shall wait 5 for it */ };

/* Tells up to rows_max reports of what was kept to their effects, oldest first: those that were too many for the transaction in which they came. */
enum { RECEIPT_RESULTS = 4, RECEIPTS_BITE = 100 };
struct receipts_taken {
	int64_t rows, counts[RECEIPT_RESULTS];
};
MUST_USE bool callback_take(struct tx *tx, int64_t now_ms, int64_t rows_max, struct receipts_taken *out, struct fail *why);
void callback_count(const int64_t counts[RECEIPT_RESULTS]); /* in their metric, once it is committed */
/* Deletes up to rows_max raw callbacks older than `days`, oldest first. In a write transaction. */
MUST_USE bool callback_purge(struct tx *tx, int64_t now_ms, int64_t days, int64_t rows_max, int64_t *deleted, struct fail *why);
void callback_names(void); /* of their metric, at start */

/* Keeps `c` by pointer, loads the case numbers' key and compares the keyring with the database. The keyring is open.
 * make: migrate, writes what a new database lacks. Fails: SCHEMA, CONFIG, STORE. */
MUST_USE bool services_start(struct store *s, const struct config *c, bool make, struct fail *why);
#endif
