// SPDX-License-Identifier: GPL-2.0-only
/*
 * Warren: a hypervisor that is a module. What is initialised in which order, and the module's parameters.
 */
#define pr_fmt(fmt) "warren: " fmt

#include <linux/module.h>

#include "backend.h"
#include "beside.h"
#include "dev.h"
#include "fpu.h"
#include "genl.h"
#include "host.h"
#include "hypercall.h"
#include "perf.h"
#include "run.h"

static const struct wr_backend *const backends[] = {
	&wr_svm,
	&wr_vmx,
};

const struct wr_backend *wr_backend __ro_after_init;

bool wr_want_shadow __ro_after_init;

static char *paging = "auto";
module_param(paging, charp, 0444);
MODULE_PARM_DESC(paging, "how guest memory is mapped: nested (the CPU's nested page tables), shadow, auto (nested where the CPU has it)");
module_param_named(halt_poll_ns, wr_halt_poll_ns, uint, 0644);
module_param_named(perf, wr_perf, bool, 0444);
MODULE_PARM_DESC(perf, "show guests to the host's perf; not beside KVM");
module_param_named(force_emulation_prefix, wr_force_emulation, bool, 0644);
MODULE_PARM_DESC(force_emulation_prefix, "for tests: guests may have instructions emulated, by UD2 and \"kvm\" before them");
MODULE_PARM_DESC(halt_poll_ns, "longest time that a halted vCPU polls before it sleeps, in ns (0: never)");

static int __init check_parameters(void)
{
	wr_want_shadow = !strcmp(paging, "shadow");
	if (wr_want_shadow || !strcmp(paging, "nested") || !strcmp(paging, "auto"))
		return 0;
	pr_err("paging=%s is not available: use paging=auto, nested or shadow\n", paging);
	return -EINVAL;
}

/* The CPU has what was asked for, or there was a choice. */
static int __init check_paging(void)
{
	if (wr_want_shadow && !wr_backend->shadow)
		pr_err("cannot run here: paging=shadow is not available on %s: use paging=nested\n", wr_backend->name);
	else if (!strcmp(paging, "nested") && wr_backend->shadow)
		pr_err("cannot run here: the CPU has no nested paging: use paging=shadow\n");
	else
		return 0;
	return -EOPNOTSUPP;
}

/* Every op is there, or a NULL one would be called at the worst moment. */
static bool __init is_complete(const struct wr_backend *backend)
{
	const size_t first = offsetof(struct wr_backend, probe) / sizeof(void *);
	void *const *op = (void *const *)backend;
	size_t i;

	for (i = first; i < sizeof(*backend) / sizeof(*op); i++)
		if (!op[i])
			return false;
	return true;
}

static int __init choose_backend(void)
{
	int i, err = -ENODEV;

	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		if (WARN_ON(!is_complete(backends[i])))
			return -EINVAL;
		err = backends[i]->probe();
		if (err == -ENODEV)
			continue;
		if (!err)
			wr_backend = backends[i];
		return err;
	}
	pr_err("cannot run here: the CPU has neither AMD-V (SVM) nor VT-x (VMX)\n");
	return err;
}

static int __init warren_init(void)
{
	int err;

	err = check_parameters();
	if (err)
		return err;
	err = choose_backend();
	if (err)
		return err;
	err = check_paging();
	if (err)
		goto err_remove_backend;
	if (wr_backend->shadow)
		err = wr_shadow_module_init();
	if (err)
		goto err_remove_backend;
	err = wr_fpu_module_init();
	if (err)
		goto err_exit_shadow;
	err = wr_cpuid_init();
	if (err)
		goto err_exit_shadow;
	err = wr_irqfd_module_init();
	if (err)
		goto err_exit_shadow;
	err = wr_host_init();
	if (err)
		goto err_exit_irqfd;
	err = wr_beside_init();
	if (err)
		goto err_exit_host;
	err = wr_genl_init();
	if (err)
		goto err_exit_beside;
	err = wr_perf_init();
	if (err)
		goto err_exit_genl;
	err = wr_dev_init();
	if (err)
		goto err_exit_perf;
	pr_info("%s, %s paging\n", wr_backend->name, wr_backend->shadow ? "shadow" : "nested");
	return 0;

err_exit_perf:
	wr_perf_exit();
err_exit_genl:
	wr_genl_exit();
err_exit_beside:
	wr_beside_exit();
err_exit_host:
	wr_host_exit();
err_exit_irqfd:
	wr_irqfd_module_exit();
err_exit_shadow:
	wr_shadow_module_exit();
err_remove_backend:
	wr_backend->remove();
	return err;
}

static void __exit warren_exit(void)
{
	wr_dev_exit();
	wr_perf_exit();
	wr_genl_exit();
	wr_host_forget_crashes();
	wr_beside_exit();
	wr_host_exit();
	wr_irqfd_module_exit();
	wr_shadow_module_exit();
	wr_backend->remove();
}

module_init(warren_init);
module_exit(warren_exit);

MODULE_DESCRIPTION("Warren: a hypervisor with the KVM ABI, for stock kernels");
MODULE_LICENSE("GPL");
/* DKMS puts no module in the place of one that has the same version, or none. */
MODULE_VERSION("0.2.0");
