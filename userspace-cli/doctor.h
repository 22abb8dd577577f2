/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_DOCTOR_H
#define WARREN_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

enum wr_health {
	WR_HEALTH_OK,
	WR_HEALTH_NOTE,		/* worth knowing, hinders nothing by itself */
	WR_HEALTH_MISSING,	/* warren run will not work */
};

/**
 * struct wr_finding - what one check found
 * @health: how it stands
 * @text: what is there
 * @remedy: what to do, or empty
 */
struct wr_finding {
	enum wr_health health;
	char text[160];
	char remedy[320];
};

/**
 * struct wr_patient - the machine that is looked at
 * @root: prefix of all paths, "" for this machine
 * @device: the hypervisor device
 * @release: kernel release
 * @loaded: the module is loaded, so that what hinders loading it does not matter
 * @amd: has AMD-V
 * @intel: has VT-x
 * @must_sign: its kernel takes signed modules only
 * @evmcs: the hypervisor below recommends enlightened VMCSs
 * @fd: the device, once its check has opened it, else -1
 */
struct wr_patient {
	const char *root;
	const char *device;
	char release[80];
	bool loaded;
	bool amd;
	bool intel;
	bool must_sign;
	bool evmcs;
	int fd;
};

/**
 * struct wr_check - one row of the doctor's table
 * @name: first column
 * @check: looks, and says what it found; false if there is nothing to look at
 */
struct wr_check {
	const char *name;
	bool (*check)(struct wr_patient *patient, struct wr_finding *finding);
};

/* In the order in which things are needed; both end with an empty row. */
extern const struct wr_check wr_checks_host[];
extern const struct wr_check wr_checks_device[];

/* Does the hypervisor below this machine, Hyper-V or one that speaks like it, recommend enlightened VMCSs? */
bool wr_doctor_evmcs(void);

/* Rows about signed modules, for the host's table, in this order: the last tells what follows from the others. */
bool wr_doctor_secure_boot(struct wr_patient *patient, struct wr_finding *finding);
bool wr_doctor_lockdown(struct wr_patient *patient, struct wr_finding *finding);
bool wr_doctor_signatures(struct wr_patient *patient, struct wr_finding *finding);
bool wr_doctor_signed(struct wr_patient *patient, struct wr_finding *finding);

/**
 * wr_patient_module() - open the module that modprobe would load
 * @patient: the machine
 * @name: its path, filled in
 * @size: of @name
 *
 * Return: fd, or -1 if none is installed for this kernel.
 */
int wr_patient_module(const struct wr_patient *patient, char *name, size_t size);

/**
 * wr_finding_set() - fill in a finding
 * @finding: the finding
 * @health: how it stands
 * @fmt: printf format of the text
 *
 * Return: true, so that a check can end with it.
 */
bool wr_finding_set(struct wr_finding *finding, enum wr_health health, const char *fmt, ...)
	__printf(3, 4);

/**
 * wr_finding_remedy() - add what to do
 * @finding: the finding
 * @fmt: printf format
 *
 * Return: true, likewise.
 */
bool wr_finding_remedy(struct wr_finding *finding, const char *fmt, ...)
	__printf(2, 3);

/**
 * wr_patient_open() - open a file of the machine to read
 * @patient: the machine
 * @fmt: printf format of the path
 *
 * Return: fd, or -1 with errno.
 */
int wr_patient_open(const struct wr_patient *patient, const char *fmt, ...)
	__printf(2, 3);

/**
 * wr_patient_read() - read the beginning of a small file of the machine as text
 * @patient: the machine
 * @path: absolute path
 * @buf: filled in, NUL-terminated, without a final newline
 * @size: of @buf
 *
 * Return: length, or -1 with errno.
 */
long wr_patient_read(const struct wr_patient *patient, const char *path, char *buf, size_t size);

#endif
