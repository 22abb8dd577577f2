/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_UNIT_H
#define WARREN_CLI_UNIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Tests of the launcher's parts: `unit NAME` runs one. A failed expectation is counted and told. */
extern unsigned int unit_failures;

#define EXPECT(condition) do { \
	if (!(condition)) { \
		printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
		unit_failures++; \
	} \
} while (0)

#define EXPECT_EQ(have, want) do { \
	unsigned long long have_ = (unsigned long long)(have); \
	unsigned long long want_ = (unsigned long long)(want); \
	if (have_ != want_) { \
		printf("%s:%d: %s: expected %#llx, got %#llx\n", __FILE__, __LINE__, #have, \
		       want_, have_); \
		unit_failures++; \
	} \
} while (0)

struct unit_test {
	const char *name;
	void (*run)(void);
};

extern const struct unit_test unit_basic[];
extern const struct unit_test unit_devices[];
extern const struct unit_test unit_boot[];
extern const struct unit_test unit_control[];
extern const struct unit_test unit_client[];
extern const struct unit_test unit_config[];

extern const struct unit_test unit_manage[];

void unit_write_tables(const char *dir);

/* A command that manages VMs, on the VMs of unit_fake.c; FAKE_* in the environment changes how the kernel behaves. */
int unit_command(int argc, char **argv);

/* A launcher of VM 9, "web", which prints a lot, until its power button is pressed; then it says that it ended with @status. */
int unit_launcher(int status);

#endif
