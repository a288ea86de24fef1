/* gateway/door/tls.c - one SSL_CTX for all loops: TLS 1.2 and 1.3, ALPN, stateless tickets whose keys rotate, and words for everything that
 * can be wrong with a certificate. Nothing of a session is kept here, so any node that shares no state may restart at any time. */
#include "gateway/door/tls.h"
#include "base/certificate.h"
#include "base/clock.h"
#include "base/ids.h"
#include "gateway/door/tls_hosts.h"
#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { HOUR_MS = 3600 * 1000, TICKET_NAME = 16, TICKET_AES = 32, TICKET_MAC = 32, SELF_SIGNED_DAYS = 30 };

struct ticket_key {
	uint8_t name[TICKET_NAME], aes[TICKET_AES], mac[TICKET_MAC];
	int64_t made_ms; /* monotonic; 0: none */
};

struct door_tls {
	SSL_CTX *ctx, *frames;         /* frames NULL: no TLS there */
	int64_t ticket_ms;
	pthread_mutex_t lock;
	struct ticket_key now, before; /* what `before` sealed still opens until its lifetime ends */
	pthread_mutex_t hosts_lock;
	struct tls_hosts *hosts;
};

/* ---- ticket keys ---- */

static void new_key(struct ticket_key *k)
{
	random_bytes(k->name, sizeof(k->name));
	random_bytes(k->aes, sizeof(k->aes));
	random_bytes(k->mac, sizeof(k->mac));
	k->made_ms = clock_mono_ms();
}

/* The key to seal with, or the one of that name. false: unknown or too old. */
static bool find_key(struct door_tls *t, const uint8_t *name, struct ticket_key *out, bool *is_old)
{
	bool found = true;
	pthread_mutex_lock(&t->lock);
	int64_t now = clock_mono_ms();
	if (now - t->now.made_ms >= t->ticket_ms) {
		t->before = t->now;
		new_key(&t->now);
	}
	*is_old = false;
	if (name == NULL || memcmp(name, t->now.name, TICKET_NAME) == 0) {
		*out = t->now;
	} else if (t->before.made_ms != 0 && now - t->before.made_ms < 2 * t->ticket_ms && memcmp(name, t->before.name, TICKET_NAME) == 0) {
		*out = t->before;
		*is_old = true;
	} else {
		found = false;
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

/* RFC 5077 section 4's construction, by OpenSSL: AES-256-CBC, then HMAC-SHA256. Returns 0: no ticket, 1: fine, 2: fine, but renew it. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct door_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticket_key k;
	bool is_old;
	if (!find_key(t, seal ? NULL : name, &k, &is_old))
		return 0;
	if (seal) {
		memcpy(name, k.name, TICKET_NAME);
		random_bytes(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
	}
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.mac, sizeof(k.mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	bool ok = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.aes, iv, seal) == 1 && EVP_MAC_CTX_set_params(mac, params) == 1;
	OPENSSL_cleanse(&k, sizeof(k));
	if (!ok)
		return seal ? -1 : 0;
	/* A TLS 1.3 ticket that was used is always replaced by a fresh one (RFC 8446 C.4). */
	return is_old && !seal ? 2 : 1;
}

/* ---- certificate ---- */

static bool openssl_fails(struct fail *why, const char *doing, const char *path)
{
	char text[120];
	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return FAILS(why, CONFIG, "%s %s: %s", doing, path, text);
}

static bool readable(const char *path, const char *name, struct stat *st, struct fail *why)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL || fstat(fileno(f), st) != 0) {
		int error = errno;
		if (f != NULL)
			fclose(f);
		return FAILS(why, CONFIG, "%s: %s: %s", name, path, strerror(error));
	}
	fclose(f);
	return S_ISREG(st->st_mode) || FAILS(why, CONFIG, "%s: %s is not a file", name, path);
}

static bool load_files(SSL_CTX *ctx, const struct config *c, struct fail *why)
{
	struct stat st;
	if (!readable(c->tls_certificate, "tls.certificate", &st, why) || !readable(c->tls_key, "tls.key", &st, why))
		return false;
	if (!c->development && (st.st_mode & S_IRWXO) != 0)
		return FAILS(why, CONFIG, "tls.key: %s may be read by everyone on this machine (mode %03o); make it 0600", c->tls_key, st.st_mode & 0777u);
	if (SSL_CTX_use_certificate_chain_file(ctx, c->tls_certificate) != 1)
		return openssl_fails(why, "tls.certificate: no certificate in", c->tls_certificate);
	if (SSL_CTX_use_PrivateKey_file(ctx, c->tls_key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(ctx) == 1)
		return true;
	unsigned long error = ERR_peek_error();
	if (ERR_GET_LIB(error) == ERR_LIB_X509) {
		ERR_clear_error();
		return FAILS(why, CONFIG, "tls.key: %s is not the key of %s", c->tls_key, c->tls_certificate);
	}
	return openssl_fails(why, "tls.key: no private key in", c->tls_key);
}

/* ---- a certificate of our own, for development without files ---- */

static bool name_it(X509 *x)
{
	X509_NAME *name = X509_get_subject_name(x);
	char names[] = "DNS:localhost,IP:127.0.0.1,IP:::1";
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	bool ok = e != NULL && X509_add_ext(x, e, -1) == 1 &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"siban development", -1, -1, 0) == 1 &&
		X509_set_issuer_name(x, name) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

static bool sign_it(X509 *x, EVP_PKEY *key)
{
	uint32_t serial;
	random_bytes(&serial, sizeof(serial));
	return X509_set_version(x, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), (long)(serial >> 1)) == 1 &&
		X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
		X509_gmtime_adj(X509_getm_notAfter(x), SELF_SIGNED_DAYS * 24L * 3600) != NULL &&
		X509_set_pubkey(x, key) == 1 && name_it(x) && X509_sign(x, key, EVP_sha256()) > 0;
}

static bool load_self_signed(SSL_CTX *ctx, struct fail *why)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	bool ok = key != NULL && x != NULL && sign_it(x, key) && SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
	X509_free(x);
	EVP_PKEY_free(key);
	return ok || openssl_fails(why, "a certificate for", "development");
}

/* ---- the context ---- */

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned int in_len, void *ctx)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1\x08http/1.0";
	(void)ssl, (void)ctx;
	unsigned char *chosen;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2: names were offered, none of them ours */
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int on_hello(SSL *ssl, int *alert, void *ctx)
{
	struct door_tls *t = ctx;
	(void)alert;
	pthread_mutex_lock(&t->hosts_lock);
	tls_hosts_choose(t->hosts, ssl);
	pthread_mutex_unlock(&t->hosts_lock);
	return SSL_CLIENT_HELLO_SUCCESS;
}

static bool set_up(struct door_tls *t, const struct config *c, struct fail *why)
{
	SSL_CTX *ctx = t->ctx;
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* one read(2) for a record's head and body; so SSL_has_pending must be asked before sleeping */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, (long)(c->tls_ticket_hours * 3600));
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, t);
	SSL_CTX_set_max_early_data(ctx, 0); /* early data can be replayed */
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") != 1 ||
	    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK:!aNULL:!eNULL") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1 ||
	    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) != 1)
		return openssl_fails(why, "TLS", "settings");
	if (c->tls_certificate[0] == '\0' && c->development)
		return load_self_signed(ctx, why);
	return load_files(ctx, c, why);
}

/* A few connections of one peer: nothing is resumed, and whether its certificate is good is judged anew by each handshake. */
static bool set_up_frames(struct door_tls *t, const struct config *c, struct fail *why)
{
	if (c->finance_frame_port == 0 || !c->finance_frame_listen_tls)
		return true;
	SSL_CTX *ctx = t->frames = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL)
		return FAILS(why, MEMORY, "TLS");
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return openssl_fails(why, "TLS", "settings");
	if (c->finance_frame_ca_file[0] != '\0') {
		if (SSL_CTX_load_verify_locations(ctx, c->finance_frame_ca_file, NULL) != 1)
			return openssl_fails(why, "finance.frame.ca_file: no certificate in", c->finance_frame_ca_file);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return c->tls_certificate[0] == '\0' && c->development ? load_self_signed(ctx, why) : load_files(ctx, c, why);
}

struct door_tls *door_tls_make(const struct config *c, struct fail *why)
{
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
	struct door_tls *t = calloc(1, sizeof(*t));
	if (t == NULL || (t->ctx = SSL_CTX_new(TLS_server_method())) == NULL) {
		free(t);
		FAILS(why, MEMORY, "TLS");
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_init(&t->hosts_lock, NULL);
	t->ticket_ms = c->tls_ticket_hours * HOUR_MS;
	new_key(&t->now);
	if (set_up(t, c, why) && set_up_frames(t, c, why) && door_tls_reload(t, c, why))
		return t;
	door_tls_drop(t);
	return NULL;
}

bool door_tls_reload(struct door_tls *t, const struct config *c, struct fail *why)
{
	struct tls_hosts *former, *hosts = tls_hosts_make(c->tls_client_hosts, t->ctx, on_alpn, why);
	if (hosts == NULL)
		return false;
	pthread_mutex_lock(&t->hosts_lock);
	former = t->hosts;
	t->hosts = hosts;
	pthread_mutex_unlock(&t->hosts_lock);
	tls_hosts_drop(former);
	return true;
}

void door_tls_drop(struct door_tls *t)
{
	tls_hosts_drop(t->hosts);
	pthread_mutex_destroy(&t->hosts_lock);
	SSL_CTX_free(t->ctx);
	SSL_CTX_free(t->frames);
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(&t->now, sizeof(t->now));
	OPENSSL_cleanse(&t->before, sizeof(t->before));
	free(t);
}

static SSL *session_of(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return ssl;
}

struct ssl_st *tls_session(struct door_tls *t, int fd)
{
	return session_of(t->ctx, fd);
}

struct ssl_st *tls_frames_session(struct door_tls *t, int fd)
{
	return session_of(t->frames, fd);
}

bool tls_wants_h2(const struct ssl_st *ssl)
{
	const unsigned char *name;
	unsigned int len;
	SSL_get0_alpn_selected(ssl, &name, &len);
	return len == 2 && memcmp(name, "h2", 2) == 0;
}

bool tls_certified(struct door_tls *t, struct ssl_st *ssl, struct certified **out)
{
	const char *name = SSL_get_SSL_CTX(ssl) != t->ctx ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : NULL;
	*out = NULL;
	if (name == NULL)
		return true;
	size_t len = strlen(name);
	struct certified *c = calloc(1, sizeof(*c) + len);
	if (c == NULL)
		return false;
	char *host = (char *)(c + 1);
	for (size_t i = 0; i < len; i++)
		host[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	c->host = (struct str){ host, len };
	struct certificate is;
	X509 *x = SSL_get0_peer_certificate(ssl);
	if (x != NULL && certificate_of(x, &is)) {
		c->is_shown = true;
		c->until_ms = is.until_ms;
		memcpy(c->fingerprint, is.fingerprint, sizeof(c->fingerprint));
	}
	*out = c;
	return true;
}

const char *tls_certificate_wrong(const struct ssl_st *ssl)
{
	long verdict = SSL_get_verify_result(ssl);
	return verdict == X509_V_OK ? NULL : X509_verify_cert_error_string(verdict);
}
