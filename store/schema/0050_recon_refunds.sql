-- 0050_recon_refunds.sql: refunds of a day are found by the moment they were sent: that is the day whose statement has them (wechat.md C8).
CREATE INDEX pay_refund_step_made ON pay_refund_step (state, made_ms, refund);
