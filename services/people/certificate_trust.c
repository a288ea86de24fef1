/* services/people/certificate_trust.c - made whole at a reload, while others still judge by the one before. */
#include "services/people/certificate_trust.h"
#include "base/config.h"

bool certificate_trust_load(const struct config *c, struct fail *why)
{
	struct trust *t = NULL;
	unsigned algorithms;
	if (c->certificate_trust_file[0] == '\0')
		return shelf_put(SHELF_TRUST, NULL, NULL, why);
	if (!certificate_algorithms(str_c(c->certificate_algorithms), &algorithms))
		return FAILS(why, CONFIG, "certificate.algorithms: sm2, ecdsa, rsa, with a comma between");
	if (c->certificate_revocation_file[0] == '\0')
		return FAILS(why, CONFIG, "certificate.revocation_file: authorities without a revocation list vouch for nobody");
	return trust_read(c->certificate_trust_file, c->certificate_revocation_file, c->certificate_number_oid, algorithms, &t, why) &&
	       shelf_put(SHELF_TRUST, t, trust_drop, why);
}

void certificate_trust_close(void)
{
	struct fail why;
	fail_clear(&why);
	(void)!shelf_put(SHELF_TRUST, NULL, NULL, &why);
}

const struct trust *certificate_trust_take(struct shelved **held)
{
	return shelf_take(SHELF_TRUST, held);
}
