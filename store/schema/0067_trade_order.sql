-- 0067_trade_order.sql: what is asked of a channel's number of an order before it is believed to be that of a payment still waited for. payments/arrive.h, money_is_kept.

CREATE INDEX pay_channel_trade_order ON pay_channel_trade (channel, channel_no);
