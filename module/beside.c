// SPDX-License-Identifier: GPL-2.0-only
/*
 * Beside KVM: its module comes and goes while Warren is loaded, and is told of neither.
 *
 * Notifiers of modules are called before the module's own code runs, and after the last of it ran, also where its load failed.
 */
#include <linux/delay.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/string.h>

#include "backend.h"
#include "beside.h"
#include "host.h"
#include "perf.h"

static int module_changed(struct notifier_block *block, unsigned long action, void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, wr_backend->rival))
		return NOTIFY_DONE;
	/* LIVE: it was between its coming and its being seen when Warren looked. */
	if (action == MODULE_STATE_COMING || action == MODULE_STATE_LIVE) {
		wr_host_share(true);
		wr_perf_withdraw();
	} else if (action == MODULE_STATE_GOING) {
		wr_host_share(false);
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = module_changed,
};

enum presence { ABSENT, LEAVING, PRESENT };

/* As a module, or built in: its parameters have a directory there, a module's until after its end was told. */
static enum presence presence_of(const char *name)
{
	struct kobject *found = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, name);
	enum presence presence = PRESENT;
	const struct module *mod;

	if (!found)
		return ABSENT;
	mod = container_of(found, struct module_kobject, kobj)->mod;
	if (mod && READ_ONCE(mod->state) == MODULE_STATE_GOING)
		presence = LEAVING;
	kobject_put(found);
	return presence;
}

/* One that leaves may have CPUs still, and its end may have been told already. */
static int wait_while_leaving(const char *name)
{
	while (presence_of(name) == LEAVING)
		if (msleep_interruptible(1))
			return -EINTR;
	return 0;
}

/**
 * wr_beside_init - be beside the vendor's other hypervisor from now on, whenever it is there
 *
 * Return: 0 or a negative error. Context: module load, before there can be VMs.
 */
int __init wr_beside_init(void)
{
	int err;

	if (wr_backend->caps->only_beside) {
		wr_host_share(true);
		return 0;
	}
	err = register_module_notifier(&notifier);
	if (err)
		return err;
	err = wait_while_leaving(wr_backend->rival);
	if (err)
		unregister_module_notifier(&notifier);
	else if (presence_of(wr_backend->rival) == PRESENT)
		wr_host_share(true);
	return err;
}

/**
 * wr_beside_exit - undo wr_beside_init()
 */
void wr_beside_exit(void)
{
	if (!wr_backend->caps->only_beside)
		unregister_module_notifier(&notifier);
}
