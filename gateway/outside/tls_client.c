/* gateway/outside/tls_client.c - OpenSSL between two memories: the loop has the socket, and nothing here waits. */
#include "gateway/outside/tls_client.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_trust {
	SSL_CTX *ctx;
};

struct tls_client {
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	char wrong[160];
};

/* ---- trust ---- */

static bool wrong_file(struct fail *why, const char *knob, const char *what, const char *path)
{
	char text[120];
	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return FAILS(why, CONFIG, "%s: no %s in %s: %s", knob, what, path, text);
}

static bool fill(SSL_CTX *ctx, const char *ca_file, const char *certificate_file, const char *key_file, const char *knob, struct fail *why)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return FAILS(why, MEMORY, "TLS settings");
	if (ca_file[0] != '\0' ? SSL_CTX_load_verify_file(ctx, ca_file) != 1 : SSL_CTX_set_default_verify_paths(ctx) != 1)
		return wrong_file(why, knob, "certificates of authorities", ca_file[0] != '\0' ? ca_file : "the machine's folder");
	if (certificate_file[0] == '\0')
		return true;
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file) != 1)
		return wrong_file(why, knob, "certificate", certificate_file);
	return (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(ctx) == 1) ||
	       wrong_file(why, knob, "key of that certificate", key_file);
}

struct tls_trust *tls_trust_make(const char *ca_file, const char *certificate_file, const char *key_file, const char *knob, struct fail *why)
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	if (t == NULL || (t->ctx = SSL_CTX_new(TLS_client_method())) == NULL) {
		free(t);
		FAILS(why, MEMORY, "TLS");
		return NULL;
	}
	if (fill(t->ctx, ca_file, certificate_file, key_file, knob, why))
		return t;
	tls_trust_drop(t);
	return NULL;
}

void tls_trust_drop(struct tls_trust *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

/* ---- one connection ---- */

/* A name is asked for (SNI) and looked for in the certificate; an address only looked for. */
static bool expect(SSL *ssl, struct str host)
{
	char name[256];
	uint8_t address[16];
	if (host.len == 0 || host.len >= sizeof(name))
		return false;
	memcpy(name, host.at, host.len);
	name[host.len] = '\0';
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

struct tls_client *tls_client_make(const struct tls_trust *t, struct str host)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->ssl = SSL_new(t->ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	if (c->ssl == NULL || c->in == NULL || c->out == NULL || !expect(c->ssl, host)) {
		BIO_free(c->in);
		BIO_free(c->out);
		SSL_free(c->ssl);
		ERR_clear_error();
		free(c);
		return NULL;
	}
	BIO_set_mem_eof_return(c->in, -1); /* empty is "not yet", not the end */
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_connect_state(c->ssl);
	return c;
}

void tls_client_drop(struct tls_client *c)
{
	if (c == NULL)
		return;
	SSL_free(c->ssl); /* and both memories */
	free(c);
}

static void note_wrong(struct tls_client *c, int error)
{
	long verdict = SSL_get_verify_result(c->ssl);
	const char *reason = error == SSL_ERROR_ZERO_RETURN ? "the server hung up" : ERR_reason_error_string(ERR_peek_last_error());
	if (verdict != X509_V_OK)
		reason = X509_verify_cert_error_string(verdict);
	snprintf(c->wrong, sizeof(c->wrong), "TLS: %s", reason != NULL ? reason : "broken");
	ERR_clear_error();
}

bool tls_client_take(struct tls_client *c, const void *bytes, size_t len)
{
	size_t taken = 0;
	return len == 0 || (BIO_write_ex(c->in, bytes, len, &taken) == 1 && taken == len);
}

ssize_t tls_client_read(struct tls_client *c, void *to, size_t room)
{
	size_t n = 0;
	ERR_clear_error();
	int ok = SSL_read_ex(c->ssl, to, room, &n); /* and the handshake, while there is one */
	if (ok == 1)
		return (ssize_t)n;
	int error = SSL_get_error(c->ssl, ok);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return 0;
	note_wrong(c, error);
	return -1;
}

bool tls_client_write(struct tls_client *c, const void *bytes, size_t len)
{
	size_t n = 0;
	ERR_clear_error();
	int ok = SSL_write_ex(c->ssl, bytes, len, &n);
	if (ok == 1 && n == len)
		return true;
	note_wrong(c, SSL_get_error(c->ssl, ok));
	return false;
}

bool tls_client_is_open(const struct tls_client *c)
{
	return SSL_is_init_finished(c->ssl) == 1;
}

struct str tls_client_out(struct tls_client *c)
{
	char *at = NULL;
	long len = BIO_get_mem_data(c->out, &at);
	return (struct str){ at, len > 0 ? (size_t)len : 0 };
}

void tls_client_sent(struct tls_client *c)
{
	(void)BIO_reset(c->out);
}

const char *tls_client_wrong(const struct tls_client *c)
{
	return c->wrong;
}
