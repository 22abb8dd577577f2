// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of VMs: see registry.h.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/uuid.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "vm.h"
#include "warren.h"

/* By id. Numbers come again only when all others have been used. */
static DEFINE_XARRAY_FLAGS(vms, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
static u32 next_id;		/* xa_lock of @vms */

/* One change of a name at a time, so that no two VMs get the same. */
static DEFINE_MUTEX(names_mutex);

/**
 * wr_reader_current - the reader that the current task is, without a file between
 * @reader: result, valid in this call; no references are taken
 */
void wr_reader_current(struct wr_reader *reader)
{
	reader->net = current->nsproxy->net_ns;
	reader->sender = current_cred();
	reader->opener = current_cred();
	reader->pid_ns = task_active_pid_ns(current);
}

/**
 * wr_reader_hold - make a reader last; undone by wr_reader_drop()
 * @reader: valid now
 *
 * Its network namespace is not held: what lasts belongs to a socket, and that holds it.
 */
void wr_reader_hold(struct wr_reader *reader)
{
	get_cred(reader->sender);
	get_cred(reader->opener);
	get_pid_ns(reader->pid_ns);
}

/**
 * wr_reader_drop - undo wr_reader_hold()
 * @reader: held
 */
void wr_reader_drop(struct wr_reader *reader)
{
	put_pid_ns(reader->pid_ns);
	put_cred(reader->opener);
	put_cred(reader->sender);
}

/* Whose credentials they are need not be the current task: the security modules are asked about them all the same. */
static bool may_see(const struct cred *cred, const struct wr_identity *identity)
{
	const struct cred *own;
	bool capable;

	if (uid_eq(cred->euid, identity->uid))
		return true;
	own = override_creds(cred);
	capable = ns_capable_noaudit(identity->user_ns, CAP_SYS_ADMIN);
	revert_creds(own);
	return capable;
}

/**
 * wr_vm_visible - may somebody see, and manage, a VM?
 * @vm: registered, or about to be
 * @reader: who
 *
 * Context: process context.
 */
bool wr_vm_visible(const struct wr_vm *vm, const struct wr_reader *reader)
{
	const struct wr_identity *identity = &vm->identity;

	if (!net_eq(identity->net, reader->net))
		return false;
	return may_see(reader->sender, identity) &&
		(reader->opener == reader->sender || may_see(reader->opener, identity));
}

/**
 * wr_reader_pid - a process id as a reader knows it
 * @reader: who
 * @pid: NULL: none
 *
 * Return: 0 when the reader's namespace does not have the process, or it is gone: its number may be another's by now.
 */
u32 wr_reader_pid(const struct wr_reader *reader, struct pid *pid)
{
	return pid && pid_has_task(pid, PIDTYPE_PID) ? pid_nr_ns(pid, reader->pid_ns) : 0;
}

/**
 * wr_reader_uid - a user id as a reader knows it
 * @reader: who
 * @uid: the kernel's
 *
 * Return: the overflow id when the reader's namespace does not map it.
 */
u32 wr_reader_uid(const struct wr_reader *reader, kuid_t uid)
{
	return from_kuid_munged(reader->sender->user_ns, uid);
}

/**
 * wr_identity_init - a VM belongs to the current task
 * @vm: new; nothing can fail
 */
void wr_identity_init(struct wr_vm *vm)
{
	struct wr_identity *identity = &vm->identity;

	identity->uid = current_euid();
	identity->user_ns = get_user_ns(current_user_ns());
	identity->net = get_net(current->nsproxy->net_ns);
	identity->pid = get_pid(task_tgid(current));
	identity->born_ns = ktime_get_boottime_ns();
	spin_lock_init(&identity->lock);
	generate_random_uuid(identity->uuid);
}

/**
 * wr_identity_exit - undo wr_identity_init()
 * @vm: not registered any more
 */
void wr_identity_exit(struct wr_vm *vm)
{
	struct wr_identity *identity = &vm->identity;

	put_pid(identity->pid);
	put_net(identity->net);
	put_user_ns(identity->user_ns);
}

/**
 * wr_registry_add - number a VM and let others find it
 * @vm: complete
 *
 * Return: 0, or -ENOMEM; -EBUSY when all numbers are in use. Context: may sleep.
 */
int wr_registry_add(struct wr_vm *vm)
{
	struct wr_identity *identity = &vm->identity;
	/* The number is there before the entry is: who finds the VM reads it. */
	int err = xa_alloc_cyclic(&vms, &identity->id, vm, XA_LIMIT(1, INT_MAX), &next_id, GFP_KERNEL_ACCOUNT);

	if (err < 0)
		identity->id = 0;
	return err < 0 ? err : 0;
}

/**
 * wr_registry_remove - nobody finds the VM from here on
 * @vm: without references, or never seen; need not be registered
 */
void wr_registry_remove(struct wr_vm *vm)
{
	if (vm->identity.id)
		xa_erase(&vms, vm->identity.id);
}

/* A VM whose last reference is gone is still there for a moment, but not to be had. */
static struct wr_vm *take(struct wr_vm *vm)
{
	return vm && refcount_inc_not_zero(&vm->users) ? vm : NULL;
}

static struct wr_vm *keep_if_visible(struct wr_vm *vm, const struct wr_reader *reader)
{
	if (vm && !wr_vm_visible(vm, reader)) {
		wr_vm_put(vm);
		return NULL;
	}
	return vm;
}

/**
 * wr_vm_find - find a VM by its number
 * @id: any
 * @reader: who asks
 *
 * Return: the VM, for which the caller owes wr_vm_put(); NULL when there is none that @reader may see. Context: may sleep.
 */
struct wr_vm *wr_vm_find(u32 id, const struct wr_reader *reader)
{
	struct wr_vm *vm;

	xa_lock(&vms);
	vm = take(xa_load(&vms, id));
	xa_unlock(&vms);
	return keep_if_visible(vm, reader);
}

/**
 * wr_vm_find_visible - find a VM by its number for the current task
 * @id: any
 *
 * Return: as wr_vm_find(). Context: may sleep.
 */
struct wr_vm *wr_vm_find_visible(u32 id)
{
	struct wr_reader reader;

	wr_reader_current(&reader);
	return wr_vm_find(id, &reader);
}

/* The first VM with a number of at least *id that is to be had, visible or not; *id is its number then. */
static struct wr_vm *next_vm(u32 *id)
{
	unsigned long index = *id;
	struct wr_vm *vm, *taken = NULL;

	xa_lock(&vms);
	for (vm = xa_find(&vms, &index, INT_MAX, XA_PRESENT); vm;
	     vm = xa_find_after(&vms, &index, INT_MAX, XA_PRESENT)) {
		taken = take(vm);
		if (taken)
			break;
	}
	xa_unlock(&vms);
	*id = index;
	return taken;
}

/**
 * wr_vm_find_next - go through the VMs in the order of their numbers
 * @id: in: the lowest number wanted; out: the VM's
 * @reader: who asks
 *
 * VMs that come and go meanwhile may be met or not, all others are met once.
 *
 * Return: as wr_vm_find(). Context: may sleep.
 */
struct wr_vm *wr_vm_find_next(u32 *id, const struct wr_reader *reader)
{
	struct wr_vm *vm;

	while ((vm = next_vm(id))) {
		if (wr_vm_visible(vm, reader))
			break;
		wr_vm_put(vm);
		++*id;
		cond_resched();
	}
	return vm;
}

static bool has_name(struct wr_vm *vm, const char *name)
{
	bool equal;

	spin_lock(&vm->identity.lock);
	equal = !strcmp(vm->identity.name, name);
	spin_unlock(&vm->identity.lock);
	return equal;
}

/**
 * wr_vm_find_name - find a VM by its name
 * @name: not empty
 * @reader: who asks; a VM of the sender's own goes before others
 *
 * Return: the VM, for which the caller owes wr_vm_put(); -ENOENT: none that @reader may see has the name; -ENOTUNIQ: VMs of
 * several owners have it, none of them the sender. Context: may sleep.
 */
struct wr_vm *wr_vm_find_name(const char *name, const struct wr_reader *reader)
{
	struct wr_vm *vm, *found = NULL;
	bool several = false;
	u32 id;

	for (id = 1; (vm = wr_vm_find_next(&id, reader)); id++) {
		bool own = uid_eq(vm->identity.uid, reader->sender->euid);

		if (!has_name(vm, name)) {
			wr_vm_put(vm);
			continue;
		}
		several = found && !own;
		if (found)
			wr_vm_put(found);
		found = vm;
		if (own)
			break;
	}
	if (!several)
		return found ?: ERR_PTR(-ENOENT);
	wr_vm_put(found);
	return ERR_PTR(-ENOTUNIQ);
}

/**
 * wr_vcpu_by_index - find a vCPU by the order of creation
 * @vm: its VM, held
 * @index: any
 *
 * Return: the vCPU, which lives as long as @vm, or NULL. Context: any.
 */
struct wr_vcpu *wr_vcpu_by_index(struct wr_vm *vm, u32 index)
{
	return xa_load(&vm->vcpus, index);
}

/**
 * wr_name_valid - may a VM be called so?
 * @name: any string
 *
 * A name can be printed as it is, is no number, and is safe as a part of a path.
 */
bool wr_name_valid(const char *name)
{
	const char *c;

	if (!isascii(*name) || !isalpha(*name))
		return false;
	for (c = name; *c; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			return false;
	return c - name < WARREN_NAME_SIZE;
}

/* Another VM of the owner, in the same network namespace, under names_mutex */
static bool name_taken(const struct wr_vm *vm, const char *name)
{
	struct wr_vm *other;
	unsigned long id;
	bool taken = false;

	xa_lock(&vms);
	xa_for_each(&vms, id, other) {
		taken = other != vm && uid_eq(other->identity.uid, vm->identity.uid) &&
			net_eq(other->identity.net, vm->identity.net) && has_name(other, name);
		if (taken)
			break;
	}
	xa_unlock(&vms);
	return taken;
}

/**
 * wr_vm_set_name - name a VM
 * @vm: held
 * @name: valid
 *
 * Return: 1, or 0 when it is called so already; -EEXIST when another VM of its owner is. Context: may sleep.
 */
int wr_vm_set_name(struct wr_vm *vm, const char *name)
{
	int r = 1;

	mutex_lock(&names_mutex);
	if (has_name(vm, name)) {
		r = 0;
	} else if (name_taken(vm, name)) {
		r = -EEXIST;
	} else {
		spin_lock(&vm->identity.lock);
		strscpy(vm->identity.name, name, sizeof(vm->identity.name));
		spin_unlock(&vm->identity.lock);
	}
	mutex_unlock(&names_mutex);
	return r;
}

/**
 * wr_vm_get_name - what a VM is called
 * @vm: held
 * @name: result, empty: it has no name
 */
void wr_vm_get_name(struct wr_vm *vm, char name[WARREN_NAME_SIZE])
{
	spin_lock(&vm->identity.lock);
	memcpy(name, vm->identity.name, WARREN_NAME_SIZE);
	spin_unlock(&vm->identity.lock);
}

/**
 * wr_vm_set_uuid - give a VM another UUID
 * @vm: held
 * @uuid: WARREN_UUID_SIZE bytes
 */
void wr_vm_set_uuid(struct wr_vm *vm, const u8 *uuid)
{
	spin_lock(&vm->identity.lock);
	memcpy(vm->identity.uuid, uuid, WARREN_UUID_SIZE);
	spin_unlock(&vm->identity.lock);
}

/**
 * wr_vm_get_uuid - a VM's UUID
 * @vm: held
 * @uuid: result, WARREN_UUID_SIZE bytes
 */
void wr_vm_get_uuid(struct wr_vm *vm, u8 *uuid)
{
	spin_lock(&vm->identity.lock);
	memcpy(uuid, vm->identity.uuid, WARREN_UUID_SIZE);
	spin_unlock(&vm->identity.lock);
}
