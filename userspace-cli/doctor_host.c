// SPDX-License-Identifier: GPL-2.0-only
/* The doctor's checks of the machine and its kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "util.h"

#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1

#define MSR_VM_CR 0xc0010114
#define VM_CR_SVM_OFF 0x10
#define MSR_FEATURE_CONTROL 0x3a
#define FEATURE_CONTROL_LOCKED 0x1
#define FEATURE_CONTROL_VMX 0x4

#define HYPERVISOR_LEAF 0x40000000
#define HYPERV_HINTS_LEAF 0x40000004
#define HYPERV_HINT_EVMCS (1u << 14)

static const char firmware_remedy[] =
	"turn virtualization on in the firmware's setup (SVM Mode or VT-x), then power off and on";

static const char demo_remedy[] = "try `make demo`, which emulates a host with AMD-V";

/* The value of the first line "KEY : value" of /proc/cpuinfo, without copying the file. */
static bool cpuinfo_line(const struct wr_patient *patient, const char *key, char *value,
			 size_t size)
{
	static char text[16384];
	char *line, *rest = text;

	if (wr_patient_read(patient, "/proc/cpuinfo", text, sizeof(text)) < 0)
		return false;
	while ((line = strsep(&rest, "\n"))) {
		char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) || !strchr("\t :", line[strlen(key)]) || !colon)
			continue;
		snprintf(value, size, "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
		return true;
	}
	return false;
}

/* Takes @text apart. */
static bool has_word(char *text, const char *what)
{
	char *word;

	while ((word = strsep(&text, "\n ")))
		if (!strcmp(word, what))
			return true;
	return false;
}

static bool line_has(const struct wr_patient *patient, const char *key, const char *flag)
{
	char flags[4096];

	return cpuinfo_line(patient, key, flags, sizeof(flags)) && has_word(flags, flag);
}

static bool has_flag(const struct wr_patient *patient, const char *flag)
{
	return line_has(patient, "flags", flag);
}

static bool check_processor(struct wr_patient *patient, struct wr_finding *finding)
{
	char model[128];

	/* "lm", long mode, is what makes an x86 CPU a 64-bit one. */
	if (!has_flag(patient, "lm")) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "not an x86-64 processor");
		return wr_finding_remedy(finding, "use a 64-bit AMD or Intel machine");
	}
	if (!cpuinfo_line(patient, "model name", model, sizeof(model)))
		strcpy(model, "x86-64");
	return wr_finding_set(finding, WR_HEALTH_OK, "%s", model);
}

static bool read_msr(const struct wr_patient *patient, unsigned int msr, uint64_t *value)
{
	int fd = wr_patient_open(patient, "/dev/cpu/0/msr");
	bool ok;

	if (fd < 0)
		return false;
	ok = pread(fd, value, sizeof(*value), msr) == sizeof(*value);
	close(fd);
	return ok;
}

/* Whether the kernel's log says that firmware turned virtualization off. */
static bool logged_off(const struct wr_patient *patient)
{
	int fd = wr_patient_open(patient, "/dev/kmsg");
	char record[1024];
	bool found = false;
	ssize_t n;

	if (fd < 0)
		return false;
	/* One record per read; EPIPE says that some were overwritten meanwhile. */
	while (!found && ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
		if (n < 0)
			continue;
		record[n] = '\0';
		found = (strstr(record, "SVM") || strstr(record, "VMX")) &&
			strstr(record, "disabled") && strstr(record, "BIOS");
	}
	close(fd);
	return found;
}

static bool firmware_off(struct wr_finding *finding)
{
	wr_finding_set(finding, WR_HEALTH_MISSING, "virtualization is off in the firmware");
	return wr_finding_remedy(finding, "%s", firmware_remedy);
}

/* What the CPU's own registers say. Return: false if they cannot be seen. */
static bool registers_say_off(const struct wr_patient *patient, bool amd, bool *off)
{
	uint64_t value;

	if (!read_msr(patient, amd ? MSR_VM_CR : MSR_FEATURE_CONTROL, &value))
		return false;
	*off = amd ? value & VM_CR_SVM_OFF :
	       (value & FEATURE_CONTROL_LOCKED) && !(value & FEATURE_CONTROL_VMX);
	return true;
}

static bool firmware_says_off(const struct wr_patient *patient)
{
	char vendor[32];
	bool off;

	if (logged_off(patient))
		return true;
	if (!cpuinfo_line(patient, "vendor_id", vendor, sizeof(vendor)))
		return false;
	return registers_say_off(patient, strcmp(vendor, "GenuineIntel"), &off) && off;
}

static bool no_virtualization(struct wr_patient *patient, struct wr_finding *finding)
{
	/* Kernels hide what firmware has turned off. */
	if (firmware_says_off(patient))
		return firmware_off(finding);
	wr_finding_set(finding, WR_HEALTH_MISSING, "the processor shows neither AMD-V nor VT-x");
	if (has_flag(patient, "hypervisor"))
		return wr_finding_remedy(finding,
			"have nested virtualization turned on for this virtual machine, or %s",
			demo_remedy);
	return wr_finding_remedy(finding, "%s; or %s", firmware_remedy, demo_remedy);
}

static bool check_virtualization(struct wr_patient *patient, struct wr_finding *finding)
{
	patient->amd = has_flag(patient, "svm");
	patient->intel = has_flag(patient, "vmx");
	if (patient->amd)
		return wr_finding_set(finding, WR_HEALTH_OK, "AMD-V (svm)");
	if (patient->intel)
		return wr_finding_set(finding, WR_HEALTH_OK, "VT-x (vmx)");
	return no_virtualization(patient, finding);
}

static bool check_nested_paging(struct wr_patient *patient, struct wr_finding *finding)
{
	if (patient->amd && has_flag(patient, "npt"))
		return wr_finding_set(finding, WR_HEALTH_OK, "nested page tables (npt)");
	if (patient->intel && has_flag(patient, "ept")) {
		if (line_has(patient, "vmx flags", "unrestricted_guest"))
			return wr_finding_set(finding, WR_HEALTH_OK, "nested page tables (ept)");
		return wr_finding_set(finding, WR_HEALTH_NOTE,
				      "no unrestricted_guest: real mode of guests is slower");
	}
	if (!patient->amd && !patient->intel)
		return false;
	return wr_finding_set(finding, WR_HEALTH_NOTE,
			      "no %s: guests run on shadow page tables, slower",
			      patient->amd ? "npt" : "ept");
}

static void cpuid(uint32_t leaf, uint32_t *eax, uint32_t rest[3])
{
	asm volatile("cpuid" : "=a"(*eax), "=b"(rest[0]), "=c"(rest[1]), "=d"(rest[2]) : "0"(leaf), "2"(0));
}

/* As the module asks. Without a hypervisor these leaves tell something else, but no such name. */
bool wr_doctor_evmcs(void)
{
	uint32_t max, hints, rest[3];

	cpuid(HYPERVISOR_LEAF, &max, rest);
	if (memcmp(rest, "Microsoft Hv", sizeof(rest)) || max < HYPERV_HINTS_LEAF)
		return false;
	cpuid(HYPERV_HINTS_LEAF, &hints, rest);
	return hints & HYPERV_HINT_EVMCS;
}

/* Whether the kernel's command line has that word. */
static bool was_told(const struct wr_patient *patient, const char *what)
{
	char text[4096];

	return wr_patient_read(patient, "/proc/cmdline", text, sizeof(text)) >= 0 && has_word(text, what);
}

/* What the module refuses to run beside, though the processor is able. */
static bool check_features(struct wr_patient *patient, struct wr_finding *finding)
{
	if (patient->loaded || (!patient->amd && !patient->intel))
		return false;
	if (!has_flag(patient, "xsave")) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "no XSAVE");
		return wr_finding_remedy(finding, "take noxsave or clearcpuid from the kernel's command line");
	}
	if (patient->intel && has_flag(patient, "fred")) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "the kernel takes its interrupts by FRED");
		return wr_finding_remedy(finding, "boot with fred=off");
	}
	if (patient->intel && patient->evmcs && has_flag(patient, "hypervisor")) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "Hyper-V gives KVM an enlightened VMCS here");
		return wr_finding_remedy(finding, "use a machine with AMD-V, or one that is not Hyper-V's; QEMU's: "
					 "without hv-evmcs (and hv-passthrough)");
	}
	if (patient->amd && has_flag(patient, "sme") && was_told(patient, "mem_encrypt=on")) {
		wr_finding_set(finding, WR_HEALTH_MISSING, "the host's memory is encrypted (SME)");
		return wr_finding_remedy(finding, "boot with mem_encrypt=off");
	}
	return false;
}

static bool check_firmware(struct wr_patient *patient, struct wr_finding *finding)
{
	bool off;

	if (patient->loaded || (!patient->amd && !patient->intel))
		return false;
	if (logged_off(patient))
		return firmware_off(finding);
	if (!registers_say_off(patient, patient->amd, &off)) {
		wr_finding_set(finding, WR_HEALTH_NOTE, "cannot see whether the firmware allows it");
		return wr_finding_remedy(finding, "to see: sudo modprobe msr && sudo warren doctor");
	}
	if (off)
		return firmware_off(finding);
	return wr_finding_set(finding, WR_HEALTH_OK, "allows virtualization");
}

static bool check_nesting(struct wr_patient *patient, struct wr_finding *finding)
{
	if (!has_flag(patient, "hypervisor"))
		return false;
	return wr_finding_set(finding, WR_HEALTH_NOTE,
			      "this machine is itself virtual: guests run, but slower");
}

static bool check_kernel(struct wr_patient *patient, struct wr_finding *finding)
{
	int major = 0, minor = 0;

	if (sscanf(patient->release, "%d.%d", &major, &minor) == 2 && (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR)))
		return wr_finding_set(finding, WR_HEALTH_OK, "Linux %s", patient->release);
	wr_finding_set(finding, WR_HEALTH_MISSING, "Linux %s is too old", patient->release);
	return wr_finding_remedy(finding, "use Linux %d.%d or newer (Debian 12 or newer)",
				 KERNEL_MAJOR, KERNEL_MINOR);
}

static bool check_headers(struct wr_patient *patient, struct wr_finding *finding)
{
	int fd = wr_patient_open(patient, "/lib/modules/%s/build/Makefile", patient->release), module;
	bool built = patient->loaded;
	char name[160];

	if (fd >= 0) {
		close(fd);
		return wr_finding_set(finding, WR_HEALTH_OK, "/lib/modules/%s/build",
				      patient->release);
	}
	module = wr_patient_module(patient, name, sizeof(name));
	if (module >= 0) {
		close(module);
		built = true;
	}
	wr_finding_set(finding, built ? WR_HEALTH_NOTE : WR_HEALTH_MISSING,
		       "not installed: the module cannot be built");
	return wr_finding_remedy(finding, "sudo apt-get install linux-headers-%s; if the archive has them no more: "
				 "linux-image-amd64 linux-headers-amd64, and reboot", patient->release);
}

static bool check_loading(struct wr_patient *patient, struct wr_finding *finding)
{
	char text[16];

	if (wr_patient_read(patient, "/proc/sys/kernel/modules_disabled", text, sizeof(text)) < 0 ||
	    text[0] != '1')
		return false;
	wr_finding_set(finding, patient->loaded ? WR_HEALTH_NOTE : WR_HEALTH_MISSING,
		       "turned off until the next boot (kernel.modules_disabled)");
	return wr_finding_remedy(finding, "take it out of /etc/sysctl.d and boot again");
}

const struct wr_check wr_checks_host[] = {
	{ "processor", check_processor },
	{ "virtualization", check_virtualization },
	{ "nested paging", check_nested_paging },
	{ "features", check_features },
	{ "firmware", check_firmware },
	{ "hypervisor below", check_nesting },
	{ "kernel", check_kernel },
	{ "kernel headers", check_headers },
	{ "secure boot", wr_doctor_secure_boot },
	{ "lockdown", wr_doctor_lockdown },
	{ "module signatures", wr_doctor_signatures },
	{ "module's signature", wr_doctor_signed },
	{ "module loading", check_loading },
	{ NULL, NULL },
};
