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
#include "json.h"
#include "status.h"
#include "table.h"
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

static void add(struct json_object *array, const char *name, const struct wr_finding *finding)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "check", json_object_new_string(name));
	json_object_object_add(object, "health",
			       json_object_new_string(healths[finding->health].word));
	json_object_object_add(object, "text", json_object_new_string(finding->text));
	json_object_object_add(object, "remedy", wr_json_text(finding->remedy));
	json_object_array_add(array, object);
}

/* Shows what is found, or adds it to @array if that is not NULL. Return: how much is missing. */
static unsigned int run_checks(const struct wr_check *check, struct wr_patient *patient,
			       struct json_object *array)
{
	unsigned int missing = 0;

	for (; check->name; check++) {
		struct wr_finding finding = { .health = WR_HEALTH_OK };

		if (!check->check(patient, &finding))
			continue;
		if (array)
			add(array, check->name, &finding);
		else
			show(check->name, &finding, wr_colours());
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
	OPT_JSON = 'j',
	OPT_ROOT = 0x100,
	OPT_RELEASE,
	OPT_EVMCS,
};

static const struct argp_option options[] = {
	{ "device", OPT_DEVICE, "PATH", 0,
	  "hypervisor device (default: " WR_DEVICE_DEFAULT ")", 1 },
	{ "json", OPT_JSON, NULL, 0, "as a JSON object", 1 },
	{ "root", OPT_ROOT, "DIR", OPTION_HIDDEN, "look at a machine's files below DIR", 2 },
	{ "release", OPT_RELEASE, "RELEASE", OPTION_HIDDEN, "of that machine's kernel", 2 },
	{ "evmcs", OPT_EVMCS, NULL, OPTION_HIDDEN, "it is a virtual one of Hyper-V's", 2 },
	{ 0 },
};

struct doctor {
	struct wr_patient patient;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct doctor *doctor = state->input;
	struct wr_patient *patient = &doctor->patient;

	switch (key) {
	case OPT_JSON:
		doctor->json = true;
		return 0;
	case OPT_DEVICE:
		patient->device = arg;
		return 0;
	case OPT_ROOT:
		patient->root = arg;
		patient->evmcs = false;
		return 0;
	case OPT_RELEASE:
		snprintf(patient->release, sizeof(patient->release), "%s", arg);
		return 0;
	case OPT_EVMCS:
		patient->evmcs = true;
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

static unsigned int examine(struct wr_patient *patient, struct json_object *array)
{
	unsigned int missing;

	patient->loaded = is_loaded(patient);
	missing = run_checks(wr_checks_host, patient, array);
	missing += run_checks(wr_checks_device, patient, array);
	if (patient->fd >= 0)
		close(patient->fd);
	return missing;
}

static int show_json(struct wr_patient *patient)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();
	unsigned int missing = examine(patient, array);

	json_object_object_add(object, "can_run", json_object_new_boolean(!missing));
	json_object_object_add(object, "checks", array);
	wr_json_print(object);
	return missing ? WR_STATUS_ERROR : WR_STATUS_OK;
}

int wr_cmd_doctor(int argc, char **argv)
{
	struct doctor doctor = {
		.patient = { .root = "", .device = WR_DEVICE_DEFAULT, .fd = -1 },
	};
	struct wr_patient *patient = &doctor.patient;
	struct utsname name;
	unsigned int missing;

	if (!uname(&name))
		snprintf(patient->release, sizeof(patient->release), "%s", name.release);
	patient->evmcs = wr_doctor_evmcs();
	if (argp_parse(&argp, argc, argv, 0, NULL, &doctor))
		return WR_STATUS_USAGE;
	if (doctor.json)
		return show_json(patient);
	missing = examine(patient, NULL);
	if (!missing) {
		puts("\nThis machine can run Warren.");
		return WR_STATUS_OK;
	}
	printf("\nThis machine cannot run Warren now: %u %s missing, see above.\n", missing,
	       missing == 1 ? "thing is" : "things are");
	return WR_STATUS_ERROR;
}
