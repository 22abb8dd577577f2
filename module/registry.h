/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All VMs of the host: their numbers and names, whom they belong to, and who may see them.
 *
 * A VM is found from its creation until its last reference goes. Who found one holds a reference, to be dropped by wr_vm_put();
 * nothing else is locked.
 *
 * Who asks is a struct wr_reader. A request over a file has two sets of credentials behind it: the sender's, and those of
 * whoever opened the file. Both must be allowed to see a VM, so that a privileged program is no use to one who has it write
 * into a file of his.
 */
#ifndef WARREN_REGISTRY_H
#define WARREN_REGISTRY_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <linux/warren_genl.h>

struct cred;
struct net;
struct pid;
struct pid_namespace;
struct user_namespace;
struct wr_vcpu;
struct wr_vm;

/*
 * struct wr_identity - what a VM is known by
 *
 * The references to namespaces are no more than those of an open socket: they go with the VM.
 */
struct wr_identity {
	u32 id;				/* [I] 0: not registered */
	kuid_t uid;			/* [I] the creator's */
	struct user_namespace *user_ns;	/* [I] the creator's */
	struct net *net;		/* [I] the creator's */
	struct pid *pid;		/* [I] the creator's thread group */
	u64 born_ns;			/* [I] CLOCK_BOOTTIME */
	spinlock_t lock;
	char name[WARREN_NAME_SIZE];	/* lock; written under the registry's mutex, too */
	u8 uuid[WARREN_UUID_SIZE];	/* lock */
};

/*
 * struct wr_reader - who asks, or listens
 *
 * @net: namespace of the socket
 * @sender: credentials of the task that asks
 * @opener: of the task that opened the file it asks over; may be @sender
 * @pid_ns: namespace for the process ids in the answer
 */
struct wr_reader {
	struct net *net;
	const struct cred *sender, *opener;
	struct pid_namespace *pid_ns;
};

void wr_reader_current(struct wr_reader *reader);
void wr_reader_hold(struct wr_reader *reader);
void wr_reader_drop(struct wr_reader *reader);
bool wr_vm_visible(const struct wr_vm *vm, const struct wr_reader *reader);
u32 wr_reader_pid(const struct wr_reader *reader, struct pid *pid);
u32 wr_reader_uid(const struct wr_reader *reader, kuid_t uid);

void wr_identity_init(struct wr_vm *vm);
void wr_identity_exit(struct wr_vm *vm);
int wr_registry_add(struct wr_vm *vm);
void wr_registry_remove(struct wr_vm *vm);

struct wr_vm *wr_vm_find(u32 id, const struct wr_reader *reader);
struct wr_vm *wr_vm_find_next(u32 *id, const struct wr_reader *reader);
struct wr_vm *wr_vm_find_name(const char *name, const struct wr_reader *reader);
struct wr_vm *wr_vm_find_visible(u32 id);
struct wr_vcpu *wr_vcpu_by_index(struct wr_vm *vm, u32 index);

bool wr_name_valid(const char *name);
int wr_vm_set_name(struct wr_vm *vm, const char *name);
void wr_vm_get_name(struct wr_vm *vm, char name[WARREN_NAME_SIZE]);
void wr_vm_set_uuid(struct wr_vm *vm, const u8 *uuid);
void wr_vm_get_uuid(struct wr_vm *vm, u8 *uuid);

#endif
