// SPDX-License-Identifier: GPL-2.0-only
/* The doctor's checks of whether the kernel takes signed modules only, and whether it would take ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"

#define DKMS_KEY "/var/lib/dkms/mok.pub"
#define EFI_VARIABLES "/sys/firmware/efi/efivars/"
#define SECURE_BOOT "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define ENROLLED_KEYS "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23"

/* What the kernel's sign-file ends a module with. */
static const char signature_mark[] = "~Module signature appended~\n";

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

/* Compressed modules are taken as signed: what is inside is the kernel's to see. */
static bool is_signed(int fd, const char *name)
{
	const size_t len = sizeof(signature_mark) - 1;
	char end[sizeof(signature_mark)];
	struct stat st;

	if (strcmp(strrchr(name, '.'), ".ko"))
		return true;
	return !fstat(fd, &st) && st.st_size > (off_t)len &&
	       pread(fd, end, len, st.st_size - (off_t)len) == (ssize_t)len &&
	       !memcmp(end, signature_mark, len);
}

/* Return: malloc()ed contents of at most 1 MiB, or NULL. */
static char *contents(const struct wr_patient *patient, const char *path, size_t *len)
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

/* The firmware's list of the machine owner's keys holds whole certificates. */
static bool is_enrolled(const char *key, size_t len, const struct wr_patient *patient)
{
	size_t list_len;
	char *list = contents(patient, EFI_VARIABLES ENROLLED_KEYS, &list_len);
	bool found = list && len && memmem(list, list_len, key, len);

	free(list);
	return found;
}

/* DKMS signs what it builds with a key of its own; of others' modules nothing tells whose it is. */
static bool signed_by_whom(const struct wr_patient *patient, const char *name, struct wr_finding *finding)
{
	size_t len = 0;
	char *key = strstr(name, "/dkms/") ? contents(patient, DKMS_KEY, &len) : NULL;
	bool enrolled = is_enrolled(key, len, patient);

	free(key);
	if (!key) {
		wr_finding_set(finding, WR_HEALTH_NOTE, "there is one; by whose key cannot be seen");
		return wr_finding_remedy(finding, "if the module does not load: as root, to see more; "
					 "\"Secure boot\" in docs/install.md");
	}
	if (enrolled)
		return wr_finding_set(finding, WR_HEALTH_OK, "there is one, and DKMS's key is enrolled");
	wr_finding_set(finding, WR_HEALTH_MISSING, "there is one, but DKMS's key is not enrolled");
	return wr_finding_remedy(finding, "sudo mokutil --import " DKMS_KEY
				 ", reboot, and choose Enroll MOK on the way");
}

bool wr_doctor_signed(struct wr_patient *patient, struct wr_finding *finding)
{
	char name[160];
	bool has_signature;
	int fd;

	if (patient->loaded || !patient->must_sign)
		return false;
	fd = wr_patient_module(patient, name, sizeof(name));
	if (fd < 0) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "no module is installed that could be signed");
		return wr_finding_remedy(finding, "install it with DKMS, which signs it, and enrol its key "
					 "(\"Secure boot\" in docs/install.md), or turn Secure Boot off");
	}
	has_signature = is_signed(fd, name);
	close(fd);
	if (has_signature)
		return signed_by_whom(patient, name, finding);
	wr_finding_set(finding, WR_HEALTH_MISSING, "%s has none", name);
	return wr_finding_remedy(finding, "sign it with a key that is enrolled (\"Secure boot\" in "
				 "docs/install.md), or turn Secure Boot off");
}
