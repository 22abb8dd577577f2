// SPDX-License-Identifier: GPL-2.0-only
/* warren doctor: runs the checks and shows what they find. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmd.h"
#include "doctor.h"
#include "status.h"
#include "util.h"
#include "vm.h"

/* "%-18s %-8s ": where the text begins. */
#define COLUMN_TEXT 28
#define COLUMN_END 80

static const struct {
	const char *word;
	const char *colour;
} healths[] = {
	[WR_HEALTH_OK] = { "ok", "\033[32m" },
	[WR_HEALTH_NOTE] = { "note", "\033[33m" },
	[WR_HEALTH_MISSING] = { "missing", "\033[31m" },
};

bool wr_finding_set(struct wr_finding *finding, enum wr_health health, const char *fmt, ...)
{
	va_list args;

	finding->health = health;
	va_start(args, fmt);
	vsnprintf(finding->text, sizeof(finding->text), fmt, args);
	va_end(args);
	return true;
}

bool wr_finding_remedy(struct wr_finding *finding, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding->remedy, sizeof(finding->remedy), fmt, args);
	va_end(args);
	return true;
}

int wr_patient_open(const struct wr_patient *patient, const char *fmt, ...)
{
	char path[512];
	va_list args;
	int len;

	len = snprintf(path, sizeof(path), "%s", patient->root);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	va_start(args, fmt);
	vsnprintf(path + len, sizeof(path) - (size_t)len, fmt, args);
	va_end(args);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

long wr_patient_read(const struct wr_patient *patient, const char *path, char *buf, size_t size)
{
	int fd = wr_patient_open(patient, "%s", path);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (n < 0)
		return -1;
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return (long)len;
}

/* Prints words up to the usual width of a terminal, and goes on below the first. */
static void print_wrapped(const char *text)
{
	size_t column = COLUMN_TEXT, len;

	for (; *text; text += strspn(text, " ")) {
		len = strcspn(text, " ");
		if (column == COLUMN_TEXT) {
			column += len;
		} else if (column + 1 + len <= COLUMN_END) {
			putchar(' ');
			column += 1 + len;
		} else {
			printf("\n%*s", COLUMN_TEXT, "");
			column = COLUMN_TEXT + len;
		}
		printf("%.*s", (int)len, text);
		text += len;
	}
	putchar('\n');
}

static void show(const char *name, const struct wr_finding *finding, bool colour)
{
	const char *on = colour ? healths[finding->health].colour : "";
	const char *off = colour ? "\033[0m" : "";

	printf("%-18s %s%-8s%s ", name, on, healths[finding->health].word, off);
	print_wrapped(finding->text);
	if (!finding->remedy[0])
		return;
	printf("%-18s %-8s ", "", "  do:");
	print_wrapped(finding->remedy);
}

static unsigned int run_checks(const struct wr_check *check, struct wr_patient *patient,
			       bool colour)
{
	unsigned int missing = 0;

	for (; check->name; check++) {
		struct wr_finding finding = { .health = WR_HEALTH_OK };

		if (!check->check(patient, &finding))
			continue;
		show(check->name, &finding, colour);
		missing += finding.health == WR_HEALTH_MISSING;
	}
	return missing;
}

/* Another device than Warren's own is there or is not: its module is not ours to build. */
static bool is_loaded(const struct wr_patient *patient)
{
	bool own = !strcmp(patient->device, WR_DEVICE_DEFAULT);
	int fd = wr_patient_open(patient, "%s", own ? "/sys/module/warren/refcnt" :
				 patient->device);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

enum doctor_option {
	OPT_DEVICE = 'd',
	OPT_ROOT = 0x100,
	OPT_RELEASE,
};

static const struct argp_option options[] = {
	{ "device", OPT_DEVICE, "PATH", 0,
	  "hypervisor device (default: " WR_DEVICE_DEFAULT ")", 1 },
	{ "root", OPT_ROOT, "DIR", OPTION_HIDDEN, "look at a machine's files below DIR", 2 },
	{ "release", OPT_RELEASE, "RELEASE", OPTION_HIDDEN, "of that machine's kernel", 2 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wr_patient *patient = state->input;

	switch (key) {
	case OPT_DEVICE:
		patient->device = arg;
		return 0;
	case OPT_ROOT:
		patient->root = arg;
		return 0;
	case OPT_RELEASE:
		snprintf(patient->release, sizeof(patient->release), "%s", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Tell whether this machine can run Warren, and what to do if not."
	       "\vRun it as root to see more.\n\n"
	       "Exit status:\n"
	       "  0  `warren run` can work now\n"
	       "  1  something is missing\n"
	       "  2  wrong usage",
};

int wr_cmd_doctor(int argc, char **argv)
{
	struct wr_patient patient = { .root = "", .device = WR_DEVICE_DEFAULT, .fd = -1 };
	bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	struct utsname name;
	unsigned int missing;

	if (!uname(&name))
		snprintf(patient.release, sizeof(patient.release), "%s", name.release);
	if (argp_parse(&argp, argc, argv, 0, NULL, &patient))
		return WR_STATUS_USAGE;
	patient.loaded = is_loaded(&patient);
	missing = run_checks(wr_checks_host, &patient, colour);
	missing += run_checks(wr_checks_device, &patient, colour);
	if (patient.fd >= 0)
		close(patient.fd);
	if (!missing) {
		puts("\nThis machine can run Warren.");
		return WR_STATUS_OK;
	}
	printf("\nThis machine cannot run Warren now: %u %s missing, see above.\n", missing,
	       missing == 1 ? "thing is" : "things are");
	return WR_STATUS_ERROR;
}
