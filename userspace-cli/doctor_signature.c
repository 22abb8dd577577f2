// SPDX-License-Identifier: GPL-2.0-only
/* The doctor's checks of whether the kernel takes signed modules only, and whether it would take ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "signer.h"

#define DKMS_KEY "/var/lib/dkms/mok.pub"
#define EFI_VARIABLES "/sys/firmware/efi/efivars/"
#define SECURE_BOOT "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SHIM "-605dab50-e046-4300-abb6-3dd810dd8b23"

/* Where DKMS, and the packages of shim, keep the certificate of the key that they make. */
static const char *const made_keys[] = { DKMS_KEY, "/var/lib/shim-signed/mok/MOK.der" };

int wr_patient_module(const struct wr_patient *patient, char *name, size_t size)
{
	static const char *const directories[] = { "updates/dkms", "updates", "extra" };
	static const char *const suffixes[] = { "", ".xz", ".zst", ".gz" };
	int fd;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		for (size_t j = 0; j < sizeof(suffixes) / sizeof(suffixes[0]); j++) {
			snprintf(name, size, "/lib/modules/%s/%s/warren.ko%s", patient->release,
				 directories[i], suffixes[j]);
			fd = wr_patient_open(patient, "%s", name);
			if (fd >= 0)
				return fd;
		}
	}
	return -1;
}

bool wr_doctor_secure_boot(struct wr_patient *patient, struct wr_finding *finding)
{
	int fd = wr_patient_open(patient, "%s", EFI_VARIABLES SECURE_BOOT);
	unsigned char value[5];
	ssize_t n;

	if (fd < 0)
		return wr_finding_set(finding, WR_HEALTH_OK, "off");
	/* Four bytes of attributes, then the value. */
	n = read(fd, value, sizeof(value));
	close(fd);
	if (n == sizeof(value) && value[4] == 1)
		return wr_finding_set(finding, WR_HEALTH_NOTE,
				      "on: it usually locks the kernel down, see the next lines");
	return wr_finding_set(finding, WR_HEALTH_OK, "off");
}

bool wr_doctor_lockdown(struct wr_patient *patient, struct wr_finding *finding)
{
	char text[128];

	if (wr_patient_read(patient, "/sys/kernel/security/lockdown", text, sizeof(text)) < 0 ||
	    strstr(text, "[none]"))
		return wr_finding_set(finding, WR_HEALTH_OK, "none");
	patient->must_sign = true;
	return wr_finding_set(finding, WR_HEALTH_NOTE, "on: only signed modules load");
}

bool wr_doctor_signatures(struct wr_patient *patient, struct wr_finding *finding)
{
	char text[16];

	if (wr_patient_read(patient, "/sys/module/module/parameters/sig_enforce", text,
			    sizeof(text)) < 0 || text[0] != 'Y')
		return wr_finding_set(finding, WR_HEALTH_OK, "not enforced");
	patient->must_sign = true;
	return wr_finding_set(finding, WR_HEALTH_NOTE, "enforced: only signed modules load");
}

/* Return: malloc()ed contents of at most 1 MiB, or NULL. */
static void *contents(const struct wr_patient *patient, const char *path, size_t *len)
{
	int fd = wr_patient_open(patient, "%s", path);
	const size_t most = 1 << 20;
	char *text = fd < 0 ? NULL : malloc(most);
	ssize_t n = 0;

	*len = 0;
	while (text && *len < most && (n = read(fd, text + *len, most - *len)) > 0)
		*len += (size_t)n;
	if (fd >= 0)
		close(fd);
	return text;
}

/* Whether a variable of the firmware's lists the signer's certificate. In its file system four bytes come first. */
static bool is_listed(const struct wr_patient *patient, const char *variable, const struct wr_signer *signer)
{
	const size_t attributes = 4;
	char path[128];
	bool found;
	size_t len;
	char *list;

	snprintf(path, sizeof(path), EFI_VARIABLES "%s" SHIM, variable);
	list = contents(patient, path, &len);
	found = list && len > attributes && wr_signer_in(signer, list + attributes, len - attributes);
	free(list);
	return found;
}

/* The certificate that is to be enrolled: of those that are made on installing packages, if it is one. */
static const char *certificate_of(const struct wr_patient *patient, const struct wr_signer *signer)
{
	struct wr_signer other;
	bool found = false;
	size_t len;

	for (size_t i = 0; i < sizeof(made_keys) / sizeof(made_keys[0]) && !found; i++) {
		char *der = contents(patient, made_keys[i], &len);

		found = der && wr_signer_of_certificate(der, len, &other) && wr_signer_is(signer, &other);
		free(der);
		if (found)
			return made_keys[i];
	}
	return "CERTIFICATE";
}

/* What the kernel was built with or has from elsewhere, it shows to root, by name. */
static bool kernel_has(const struct wr_patient *patient, const struct wr_signer *signer)
{
	char key[sizeof(signer->name) + 16];
	bool found = false;
	size_t len;
	char *keys;

	snprintf(key, sizeof(key), " asymmetri %s: ", signer->name);
	keys = contents(patient, "/proc/keys", &len);
	found = keys && memmem(keys, len, key, strlen(key));
	free(keys);
	return found;
}

static bool judge_signer(const struct wr_patient *patient, const struct wr_signer *signer, struct wr_finding *finding)
{
	const char *name = signer->name;

	if (is_listed(patient, "MokListRT", signer))
		return wr_finding_set(finding, WR_HEALTH_OK, "by %s, whose key is enrolled", name);
	if (is_listed(patient, "MokNew", signer)) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "by %s, whose key waits to be enrolled", name);
		return wr_finding_remedy(finding, "reboot, and choose Enroll MOK on the way");
	}
	if (kernel_has(patient, signer)) {
		wr_finding_set(finding, WR_HEALTH_NOTE, "by %s; the kernel has a key of that name", name);
		return wr_finding_remedy(finding, "if it is another one: sudo mokutil --import %s, reboot, and choose Enroll MOK "
					 "on the way", certificate_of(patient, signer));
	}
	wr_finding_set(finding, WR_HEALTH_MISSING, "by %s, whose key is not enrolled", name);
	return wr_finding_remedy(finding, "sudo mokutil --import %s, reboot, and choose Enroll MOK on the way",
				 certificate_of(patient, signer));
}

/* What is inside a compressed module is the kernel's to see; but DKMS signs what it builds with a key of its own. */
static enum wr_signature find_signer(const struct wr_patient *patient, int fd, const char *name, struct wr_signer *signer)
{
	enum wr_signature found = WR_SIGNATURE_UNCLEAR;
	size_t len;
	char *der;

	if (!strcmp(strrchr(name, '.'), ".ko"))
		return wr_signer_of_module(fd, signer);
	if (!strstr(name, "/dkms/"))
		return found;
	der = contents(patient, DKMS_KEY, &len);
	if (der && wr_signer_of_certificate(der, len, signer))
		found = WR_SIGNATURE_CLEAR;
	free(der);
	return found;
}

bool wr_doctor_signed(struct wr_patient *patient, struct wr_finding *finding)
{
	enum wr_signature signature;
	struct wr_signer signer;
	char name[160];
	int fd;

	if (patient->loaded || !patient->must_sign)
		return false;
	fd = wr_patient_module(patient, name, sizeof(name));
	if (fd < 0) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "no module is installed that could be signed");
		return wr_finding_remedy(finding, "install it with DKMS, which signs it, and enrol its key "
					 "(\"Secure boot\" in docs/install.md), or turn Secure Boot off");
	}
	signature = find_signer(patient, fd, name, &signer);
	close(fd);
	if (signature == WR_SIGNATURE_CLEAR)
		return judge_signer(patient, &signer, finding);
	if (signature == WR_SIGNATURE_UNCLEAR) {
		wr_finding_set(finding, WR_HEALTH_NOTE, "there is one; by whose key cannot be seen");
		return wr_finding_remedy(finding, "if the module does not load: \"Secure boot\" in docs/install.md");
	}
	wr_finding_set(finding, WR_HEALTH_MISSING, "%s has none", name);
	return wr_finding_remedy(finding, "sign it with a key that is enrolled (\"Secure boot\" in "
				 "docs/install.md), or turn Secure Boot off");
}
