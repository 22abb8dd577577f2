// SPDX-License-Identifier: GPL-2.0-only
/* The doctor's checks of the module and its device. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "util.h"
#include "vm.h"

static bool is_default(const struct wr_patient *patient)
{
	return !strcmp(patient->device, WR_DEVICE_DEFAULT);
}

static bool check_module(struct wr_patient *patient, struct wr_finding *finding)
{
	char name[160];
	int fd;

	if (!is_default(patient))
		return false;
	if (patient->loaded)
		return wr_finding_set(finding, WR_HEALTH_OK, "warren is loaded");
	fd = wr_patient_module(patient, name, sizeof(name));
	if (fd >= 0) {
		close(fd);
		wr_finding_set(finding, WR_HEALTH_MISSING, "warren is installed, and not loaded");
		return wr_finding_remedy(finding, "sudo modprobe warren; if it is refused: sudo dmesg | tail");
	}
	wr_finding_set(finding, WR_HEALTH_MISSING, "warren is neither loaded nor installed for this kernel");
	if (patient->must_sign)
		return wr_finding_remedy(finding, "install it signed: DKMS, or make && sudo make install SIGN_KEY=... "
					 "SIGN_CERT=... (\"Secure boot\" in docs/install.md)");
	fd = wr_patient_open(patient, "/usr/share/doc/warren-dkms/copyright");
	if (fd >= 0) {
		close(fd);
		return wr_finding_remedy(finding, "sudo dpkg-reconfigure warren-dkms has DKMS build it, or says what hinders it");
	}
	return wr_finding_remedy(finding, "make && sudo insmod warren.ko, or install it for good: "
				 "sudo make install, or DKMS");
}

/* The stock kernel's own hypervisor: to live beside it costs each entry of a guest a little. */
static bool check_kvm(struct wr_patient *patient, struct wr_finding *finding)
{
	const char *name = patient->intel ? "kvm_intel" : "kvm_amd";
	char unused[8], path[40];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	if (!is_default(patient) || wr_patient_read(patient, path, unused, sizeof(unused)) < 0)
		return false;
	wr_finding_set(finding, WR_HEALTH_NOTE, "%s is loaded: Warren shares the CPUs with it, a little slower", name);
	/* There the kernel has a say in VT-x itself, whether KVM is loaded or not (docs/kernels.md). */
	if (patient->intel && atoi(patient->release) >= 7)
		return true;
	return wr_finding_remedy(finding, "if nobody needs KVM: sudo modprobe -r %s", name);
}

/* Who may not open the device: a module that was only inserted has left it to root, another device has a group of its own. */
static bool no_right(const struct wr_patient *patient, const char *path, struct wr_finding *finding)
{
	struct group *group = NULL;
	struct stat st;

	if (!stat(path, &st) && (st.st_mode & 0060) && st.st_gid)
		group = getgrgid(st.st_gid);
	if (!group)
		return wr_finding_remedy(finding, is_default(patient) ? "run as root; installed, it is its group's too "
					 "(docs/install.md)" : "run as root");
	return wr_finding_remedy(finding, "run as root, or join the group of %s (sudo adduser $USER %s) and log in again",
				 patient->device, group->gr_name);
}

static bool check_node(struct wr_patient *patient, struct wr_finding *finding)
{
	char path[512];
	int error;

	snprintf(path, sizeof(path), "%s%s", patient->root, patient->device);
	patient->fd = open(path, O_RDWR | O_CLOEXEC);
	if (patient->fd >= 0)
		return wr_finding_set(finding, WR_HEALTH_OK, "%s can be opened", patient->device);
	error = errno;
	wr_finding_set(finding, WR_HEALTH_MISSING, "%s: %s", patient->device, strerror(error));
	if (error == EACCES || error == EPERM)
		return no_right(patient, path, finding);
	if (is_default(patient))
		return wr_finding_remedy(finding, "it appears when the module is loaded");
	return wr_finding_remedy(finding, "load its module (sudo modprobe kvm-amd or kvm-intel)");
}

static bool check_api(struct wr_patient *patient, struct wr_finding *finding)
{
	int version;

	if (patient->fd < 0)
		return false;
	version = ioctl(patient->fd, KVM_GET_API_VERSION, 0);
	if (version == KVM_API_VERSION)
		return wr_finding_set(finding, WR_HEALTH_OK, "KVM API version %d", version);
	close(patient->fd);
	patient->fd = -1;
	wr_finding_set(finding, WR_HEALTH_MISSING, "does not speak version %d of the KVM API",
		       KVM_API_VERSION);
	return wr_finding_remedy(finding, "name a hypervisor device with --device");
}

static bool check_capabilities(struct wr_patient *patient, struct wr_finding *finding)
{
	char names[120];

	if (patient->fd < 0)
		return false;
	if (wr_vm_missing_caps(patient->fd, names, sizeof(names)) == 0)
		return wr_finding_set(finding, WR_HEALTH_OK, "all that warren run needs");
	wr_finding_set(finding, WR_HEALTH_MISSING, "without %s", names);
	return wr_finding_remedy(finding, "load the module that belongs to this launcher");
}

static bool check_vm(struct wr_patient *patient, struct wr_finding *finding)
{
	int fd;

	if (patient->fd < 0)
		return false;
	/* The proof: unless the CPUs are shared this turns virtualization on, on all of them, and off again. */
	do {
		fd = ioctl(patient->fd, KVM_CREATE_VM, 0);
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0) {
		close(fd);
		return wr_finding_set(finding, WR_HEALTH_OK, "a VM can be created");
	}
	wr_finding_set(finding, WR_HEALTH_MISSING, "creating a VM fails: %s", strerror(errno));
	return wr_finding_remedy(finding, "the kernel's log says why: sudo dmesg | tail");
}

const struct wr_check wr_checks_device[] = {
	{ "module", check_module },
	{ "KVM", check_kvm },
	{ "device", check_node },
	{ "interface", check_api },
	{ "capabilities", check_capabilities },
	{ "virtual machine", check_vm },
	{ NULL, NULL },
};
