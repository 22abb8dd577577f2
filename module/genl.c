// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: see genl.h.
 *
 * A request is served in its sender's context; a dump goes on in that of whoever reads, so it keeps its reader. A VM is held by
 * a reference while its answer is made, and nothing is locked that its vCPUs want.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "compat.h"
#include "fill.h"
#include "genl.h"
#include "life.h"
#include "notice.h"
#include "vm.h"
#include "warren.h"

/* Each command takes its own attributes and no others: what is not named here is refused. */
static const struct nla_policy vm_get_policy[WARREN_A_VM_MAX + 1] = {
	[WARREN_A_VM_ID] = { .type = NLA_U32 },
	[WARREN_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = WARREN_NAME_SIZE - 1 },
};

static const struct nla_policy vcpu_get_policy[WARREN_A_VCPU_MAX + 1] = {
	[WARREN_A_VCPU_VM] = { .type = NLA_U32 },
	[WARREN_A_VCPU_INDEX] = { .type = NLA_U32 },
};

static const struct nla_policy vm_set_policy[WARREN_A_VM_MAX + 1] = {
	[WARREN_A_VM_ID] = { .type = NLA_U32 },
	[WARREN_A_VM_NAME] = { .type = NLA_NUL_STRING, .len = WARREN_NAME_SIZE - 1 },
	[WARREN_A_VM_UUID] = NLA_POLICY_EXACT_LEN(WARREN_UUID_SIZE),
};

static const struct nla_policy vm_policy[WARREN_A_VM_MAX + 1] = {
	[WARREN_A_VM_ID] = { .type = NLA_U32 },
};

/* The task that sends, over its or another's socket */
static void request_reader(struct wr_reader *reader, struct sk_buff *skb)
{
	const struct sock *sk = NETLINK_CB(skb).sk;

	reader->net = sock_net(sk);
	reader->sender = current_cred();
	reader->opener = sk->sk_socket->file->f_cred;
	reader->pid_ns = task_active_pid_ns(current);
}

static struct wr_vm *vm_of_attr(struct nlattr *attr, const struct wr_reader *reader, struct netlink_ext_ack *extack)
{
	struct wr_vm *vm = wr_vm_find(nla_get_u32(attr), reader);

	if (vm)
		return vm;
	NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such VM, or you may not see it");
	return ERR_PTR(-ENOENT);
}

/* The VM that a request is about, which the caller puts */
static struct wr_vm *request_vm(struct genl_info *info, int type, const struct wr_reader *reader)
{
	if (info->attrs[type])
		return vm_of_attr(info->attrs[type], reader, info->extack);
	GENL_SET_ERR_MSG(info, "the id of a VM is missing");
	return ERR_PTR(-EINVAL);
}

static struct wr_vm *vm_of_name(struct genl_info *info, const struct wr_reader *reader)
{
	struct nlattr *attr = info->attrs[WARREN_A_VM_NAME];
	struct wr_vm *vm;

	if (!wr_name_valid(nla_data(attr))) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "no VM can have this name");
		return ERR_PTR(-EINVAL);
	}
	vm = wr_vm_find_name(nla_data(attr), reader);
	if (vm == ERR_PTR(-ENOENT))
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "there is no VM of that name, or you may not see it");
	else if (IS_ERR(vm))
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "VMs of several users have that name: give the id");
	return vm;
}

/* An answer of one message; @skb is used up, the VM put */
static int reply(struct sk_buff *skb, struct genl_info *info, void *head, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, head);
	return genlmsg_reply(skb, info);
}

static void *reply_start(struct sk_buff **skb, struct genl_info *info, u8 cmd)
{
	void *head;

	*skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!*skb)
		return NULL;
	head = genlmsg_put_reply(*skb, info, &wr_genl_family, 0, cmd);
	if (!head)
		nlmsg_free(*skb);
	return head;
}

static int vm_get(struct sk_buff *request, struct genl_info *info)
{
	struct wr_reader reader;
	struct sk_buff *skb;
	struct wr_vm *vm;
	void *head;
	int err;

	request_reader(&reader, request);
	if (info->attrs[WARREN_A_VM_ID] && info->attrs[WARREN_A_VM_NAME]) {
		GENL_SET_ERR_MSG(info, "an id and a name: one of them is enough");
		return -EINVAL;
	}
	if (info->attrs[WARREN_A_VM_NAME])
		vm = vm_of_name(info, &reader);
	else
		vm = request_vm(info, WARREN_A_VM_ID, &reader);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	head = reply_start(&skb, info, WARREN_CMD_VM_GET);
	err = head ? wr_fill_vm(skb, vm, &reader) : -ENOMEM;
	wr_vm_put(vm);
	return head ? reply(skb, info, head, err) : err;
}

static int vcpu_get(struct sk_buff *request, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[WARREN_A_VCPU_INDEX];
	struct wr_reader reader;
	struct wr_vcpu *vcpu;
	struct sk_buff *skb;
	struct wr_vm *vm;
	void *head;
	int err;

	request_reader(&reader, request);
	if (!attr) {
		GENL_SET_ERR_MSG(info, "the index of a vCPU is missing");
		return -EINVAL;
	}
	vm = request_vm(info, WARREN_A_VCPU_VM, &reader);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	vcpu = wr_vcpu_by_index(vm, nla_get_u32(attr));
	if (!vcpu) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "the VM has no such vCPU");
		wr_vm_put(vm);
		return -ENOENT;
	}
	head = reply_start(&skb, info, WARREN_CMD_VCPU_GET);
	err = head ? wr_fill_vcpu(skb, vcpu, &reader) : -ENOMEM;
	wr_vm_put(vm);
	return head ? reply(skb, info, head, err) : err;
}

static int check_set(struct genl_info *info)
{
	struct nlattr *name = info->attrs[WARREN_A_VM_NAME];

	if (!name && !info->attrs[WARREN_A_VM_UUID]) {
		GENL_SET_ERR_MSG(info, "nothing to set: give a name, a UUID or both");
		return -EINVAL;
	}
	if (name && !wr_name_valid(nla_data(name))) {
		NL_SET_ERR_MSG_ATTR(info->extack, name, "a name is letters, digits and . _ - and starts with a letter");
		return -EINVAL;
	}
	return 0;
}

static int vm_set(struct sk_buff *request, struct genl_info *info)
{
	struct nlattr *name = info->attrs[WARREN_A_VM_NAME], *uuid = info->attrs[WARREN_A_VM_UUID];
	struct wr_reader reader;
	struct wr_vm *vm;
	int err;

	err = check_set(info);
	if (err)
		return err;
	request_reader(&reader, request);
	vm = request_vm(info, WARREN_A_VM_ID, &reader);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	if (name)
		err = wr_vm_name(vm, nla_data(name));
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, name, "the owner has another VM of that name");
	else if (uuid)
		wr_vm_set_uuid(vm, nla_data(uuid));
	wr_vm_put(vm);
	return err;
}

static int vm_pause(struct sk_buff *request, struct genl_info *info)
{
	struct wr_reader reader;
	struct wr_vm *vm;

	request_reader(&reader, request);
	vm = request_vm(info, WARREN_A_VM_ID, &reader);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	wr_vm_pause(vm);
	wr_vm_put(vm);
	return 0;
}

static int vm_resume(struct sk_buff *request, struct genl_info *info)
{
	struct wr_reader reader;
	struct wr_vm *vm;

	request_reader(&reader, request);
	vm = request_vm(info, WARREN_A_VM_ID, &reader);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	wr_vm_resume(vm);
	wr_vm_put(vm);
	return 0;
}

static int add_listener(struct sk_buff *request, struct genl_info *info)
{
	struct wr_reader reader;
	int err;

	request_reader(&reader, request);
	err = wr_listen(&reader, info->snd_portid);
	if (err == -ENOSPC)
		GENL_SET_ERR_MSG(info, "too many sockets of this user listen");
	return err;
}

/* struct dump - where a dump is; in netlink_callback.args[0] */
struct dump {
	struct wr_reader reader;
	u32 vm;			/* next id */
	u32 vcpu;		/* next index in it */
	u32 last;		/* id */
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	return (struct dump *)cb->args[0];
}

static int dump_start(struct netlink_callback *cb)
{
	struct dump *dump = kzalloc(sizeof(*dump), GFP_KERNEL_ACCOUNT);

	if (!dump)
		return -ENOMEM;
	request_reader(&dump->reader, cb->skb);
	wr_reader_hold(&dump->reader);
	dump->vm = 1;
	dump->last = U32_MAX;
	cb->args[0] = (long)dump;
	return 0;
}

static int dump_done(struct netlink_callback *cb)
{
	struct dump *dump = dump_of(cb);

	if (dump) {
		wr_reader_drop(&dump->reader);
		kfree(dump);
	}
	return 0;
}

static int vms_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = wr_genl_dump_attrs(cb);

	if (attrs[WARREN_A_VM_ID] || attrs[WARREN_A_VM_NAME]) {
		NL_SET_ERR_MSG(cb->extack, "a dump has all VMs: to get one, do not ask for a dump");
		return -EINVAL;
	}
	return dump_start(cb);
}

static int vcpus_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = wr_genl_dump_attrs(cb);
	struct nlattr *attr = attrs[WARREN_A_VCPU_VM];
	struct dump *dump;
	struct wr_vm *vm;
	int err;

	if (attrs[WARREN_A_VCPU_INDEX]) {
		NL_SET_ERR_MSG(cb->extack, "a dump has all vCPUs: to get one, do not ask for a dump");
		return -EINVAL;
	}
	err = dump_start(cb);
	if (err || !attr)
		return err;
	dump = dump_of(cb);
	vm = vm_of_attr(attr, &dump->reader, cb->extack);
	if (IS_ERR(vm)) {
		dump_done(cb);
		return PTR_ERR(vm);
	}
	wr_vm_put(vm);
	dump->vm = nla_get_u32(attr);
	dump->last = dump->vm;
	return 0;
}

static void *dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &wr_genl_family, NLM_F_MULTI, cmd);
}

/* One message of a dump; when it does not fit any more it comes first in the next buffer. */
static int dump_end(struct sk_buff *skb, void *head, int err)
{
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return err;
}

static int dump_vm(struct sk_buff *skb, struct netlink_callback *cb, struct wr_vm *vm)
{
	void *head = dump_put(skb, cb, WARREN_CMD_VM_GET);

	return head ? dump_end(skb, head, wr_fill_vm(skb, vm, &dump_of(cb)->reader)) : -EMSGSIZE;
}

static int vms_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *dump = dump_of(cb);
	struct wr_vm *vm;
	int err = 0;

	for (; !err && (vm = wr_vm_find_next(&dump->vm, &dump->reader)); dump->vm += !err) {
		err = dump_vm(skb, cb, vm);
		wr_vm_put(vm);
	}
	return err && !skb->len ? err : skb->len;
}

static int dump_vcpu(struct sk_buff *skb, struct netlink_callback *cb, struct wr_vcpu *vcpu)
{
	void *head = dump_put(skb, cb, WARREN_CMD_VCPU_GET);

	return head ? dump_end(skb, head, wr_fill_vcpu(skb, vcpu, &dump_of(cb)->reader)) : -EMSGSIZE;
}

/* What is left of one VM; 0 when nothing is */
static int dump_vcpus(struct sk_buff *skb, struct netlink_callback *cb, struct wr_vm *vm)
{
	struct dump *dump = dump_of(cb);
	struct wr_vcpu *vcpu;
	int err;

	for (; (vcpu = wr_vcpu_by_index(vm, dump->vcpu)); dump->vcpu++) {
		err = dump_vcpu(skb, cb, vcpu);
		if (err)
			return err;
	}
	dump->vcpu = 0;
	return 0;
}

static int vcpus_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *dump = dump_of(cb);
	u32 id = dump->vm;
	struct wr_vm *vm;
	int err = 0;

	while (!err && (vm = wr_vm_find_next(&id, &dump->reader))) {
		if (id > dump->last) {
			wr_vm_put(vm);
			break;
		}
		/* The VM that the last buffer ended in may be gone. */
		if (id != dump->vm)
			dump->vcpu = 0;
		dump->vm = id;
		err = dump_vcpus(skb, cb, vm);
		wr_vm_put(vm);
		if (!err)
			dump->vm = ++id;
	}
	return err && !skb->len ? err : skb->len;
}

static const struct genl_ops ops[] = {
	{
		.cmd = WARREN_CMD_VM_GET, .policy = vm_get_policy, .maxattr = WARREN_A_VM_MAX,
		.doit = vm_get, .start = vms_start, .dumpit = vms_dump, .done = dump_done,
	}, {
		.cmd = WARREN_CMD_VCPU_GET, .policy = vcpu_get_policy, .maxattr = WARREN_A_VCPU_MAX,
		.doit = vcpu_get, .start = vcpus_start, .dumpit = vcpus_dump, .done = dump_done,
	}, {
		.cmd = WARREN_CMD_VM_SET, .policy = vm_set_policy, .maxattr = WARREN_A_VM_MAX, .doit = vm_set,
	}, {
		.cmd = WARREN_CMD_VM_PAUSE, .policy = vm_policy, .maxattr = WARREN_A_VM_MAX, .doit = vm_pause,
	}, {
		.cmd = WARREN_CMD_VM_RESUME, .policy = vm_policy, .maxattr = WARREN_A_VM_MAX, .doit = vm_resume,
	}, {
		.cmd = WARREN_CMD_LISTEN, .doit = add_listener,
	},
};

static const struct genl_multicast_group groups[] = {
	{ .name = WARREN_GENL_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

/* Anybody may ask: what there is to see depends on who does. */
struct genl_family wr_genl_family = {
	.name = WARREN_GENL_NAME,
	.version = WARREN_GENL_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

/**
 * wr_genl_init - take requests
 *
 * Return: 0 or a negative error. Context: module load, before there can be VMs.
 */
int wr_genl_init(void)
{
	int err = wr_notice_init();

	if (err)
		return err;
	err = genl_register_family(&wr_genl_family);
	if (err)
		wr_notice_exit();
	return err;
}

/**
 * wr_genl_exit - undo wr_genl_init(), when all VMs are gone; requests being served are waited for
 */
void wr_genl_exit(void)
{
	genl_unregister_family(&wr_genl_family);
	wr_notice_exit();
}
