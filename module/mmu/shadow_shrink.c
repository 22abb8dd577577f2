// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host is short of memory: shadow pages go back to it, those first that were not used lately.
 *
 * Nothing is allocated under the locks taken here but with GFP_ATOMIC, so that whoever is here on the way to memory holds neither.
 */
#include <linux/mutex.h>
#include <linux/sched.h>

#include "compat.h"
#include "shadow.h"

/* VMs with shadow paging; who was asked last is the last */
static LIST_HEAD(vms);
static DEFINE_MUTEX(vms_lock);
static struct shrinker *shrinker;

/* Pages of the host that one shadow page takes: the table, the guest's entries, the links */
#define HOST_PAGES	(2 + (1 << SHADOW_LINK_ORDER))

static unsigned long count(struct shrinker *s, struct shrink_control *control)
{
	struct wr_shadow *sh;
	unsigned long nr = 0;

	/* Somebody is at it, and may wait for vCPUs. */
	if (!mutex_trylock(&vms_lock))
		return 0;
	list_for_each_entry(sh, &vms, vms)
		nr += READ_ONCE(sh->nr) + READ_ONCE(sh->nr_free);
	mutex_unlock(&vms_lock);
	return nr ? nr * HOST_PAGES : SHRINK_EMPTY;
}

/* Of one VM. Return: shadow pages freed. */
static unsigned long shrink_vm(struct wr_vm *vm, unsigned long nr)
{
	struct wr_shadow *sh = vm->mmu.shadow;
	struct wr_gather gather = {};
	unsigned long done;

	write_lock(&vm->mmu.lock);
	done = sh->nr_free + shadow_reclaim(sh, nr, &gather);
	/* What it took out of use is blank after the flush. */
	wr_stage2_flush(vm, &gather);
	shadow_free_blank(sh);
	write_unlock(&vm->mmu.lock);
	return done;
}

static unsigned long scan(struct shrinker *s, struct shrink_control *control)
{
	unsigned long wanted = DIV_ROUND_UP(control->nr_to_scan, HOST_PAGES), done = 0;
	struct wr_shadow *sh, *last;

	if (!mutex_trylock(&vms_lock))
		return SHRINK_STOP;
	last = list_empty(&vms) ? NULL : list_last_entry(&vms, struct wr_shadow, vms);
	while (last && done < wanted) {
		sh = list_first_entry(&vms, struct wr_shadow, vms);
		list_move_tail(&sh->vms, &vms);
		done += shrink_vm(sh->vm, wanted - done);
		if (sh == last)
			break;
	}
	mutex_unlock(&vms_lock);
	return done * HOST_PAGES;
}

/* A VM begins. */
void shadow_shrink_add(struct wr_shadow *sh)
{
	mutex_lock(&vms_lock);
	list_add_tail(&sh->vms, &vms);
	mutex_unlock(&vms_lock);
}

/* A VM ends: nobody looks at it after this. */
void shadow_shrink_remove(struct wr_shadow *sh)
{
	mutex_lock(&vms_lock);
	list_del(&sh->vms);
	mutex_unlock(&vms_lock);
}

/**
 * wr_shadow_module_init - shadow paging is what this host will use
 *
 * Return: 0 or -ENOMEM. Context: once, at load.
 */
int wr_shadow_module_init(void)
{
	shrinker = wr_shrinker_add("warren-shadow", count, scan);
	if (!shrinker)
		return -ENOMEM;
	static_branch_enable(&wr_shadow_key);
	return 0;
}

/**
 * wr_shadow_module_exit - undo wr_shadow_module_init(), if it was called
 */
void wr_shadow_module_exit(void)
{
	if (shrinker)
		wr_shrinker_remove(shrinker);
}
