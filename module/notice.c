// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events of VMs over netlink: see notice.h.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "genl.h"
#include "notice.h"
#include "warren.h"

#define MAX_LISTENERS_OF_USER	64
#define MAX_LISTENERS		4096	/* but for who may see all VMs */

/* struct listener - a socket. Its network namespace lives as long as the socket does, and that longer than this. */
struct listener {
	struct list_head link;
	struct wr_reader reader;
	u32 portid;
	u64 lost;		/* since the last that it got */
};

/* struct notice - what is told */
struct notice {
	struct wr_vm *vm;
	u32 what;
	int vcpu;		/* below 0: none */
	u32 reason;		/* 0: none */
	u64 time;
	char name[WARREN_NAME_SIZE];
};

/* The list, the counts, and the order in which listeners hear. Nothing below it waits. */
static DEFINE_MUTEX(listeners_mutex);
static LIST_HEAD(listeners);

/* The group is heard by many; all of them get the process ids of this one. */
static struct pid_namespace *group_pid_ns;

/* What a message of these attributes takes at most */
static size_t message_size(void)
{
	return 5 * nla_total_size(sizeof(u32)) + 2 * nla_total_size_64bit(sizeof(u64)) + nla_total_size(WARREN_NAME_SIZE);
}

static int fill_event(struct sk_buff *skb, const struct notice *notice, u32 pid)
{
	if (nla_put_u32(skb, WARREN_A_EVENT_WHAT, notice->what) ||
	    nla_put_u64_64bit(skb, WARREN_A_EVENT_TIME, notice->time, WARREN_A_EVENT_PAD) ||
	    nla_put_u32(skb, WARREN_A_EVENT_VM, notice->vm->identity.id) ||
	    nla_put_u32(skb, WARREN_A_EVENT_PID, pid))
		return -EMSGSIZE;
	if (notice->name[0] && nla_put_string(skb, WARREN_A_EVENT_NAME, notice->name))
		return -EMSGSIZE;
	if (notice->vcpu >= 0 && nla_put_u32(skb, WARREN_A_EVENT_VCPU, notice->vcpu))
		return -EMSGSIZE;
	if (notice->reason && nla_put_u32(skb, WARREN_A_EVENT_REASON, notice->reason))
		return -EMSGSIZE;
	return 0;
}

static struct sk_buff *event_message(const struct notice *notice, u32 pid)
{
	struct sk_buff *skb = genlmsg_new(message_size(), GFP_KERNEL);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put(skb, 0, 0, &wr_genl_family, 0, WARREN_CMD_EVENT);
	if (WARN_ON_ONCE(!head || fill_event(skb, notice, pid))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

static struct sk_buff *lost_message(u64 lost)
{
	struct sk_buff *skb = genlmsg_new(message_size(), GFP_KERNEL);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put(skb, 0, 0, &wr_genl_family, 0, WARREN_CMD_LOST);
	if (WARN_ON_ONCE(!head || nla_put_u64_64bit(skb, WARREN_A_EVENT_LOST, lost, WARREN_A_EVENT_PAD))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

static bool send(struct listener *listener, struct sk_buff *skb)
{
	return skb && !genlmsg_unicast(listener->reader.net, skb, listener->portid);
}

static void deliver(struct listener *listener, const struct notice *notice)
{
	/* Of the past, so also when the process is gone */
	u32 pid = pid_nr_ns(notice->vm->identity.pid, listener->reader.pid_ns);

	if (listener->lost) {
		if (!send(listener, lost_message(listener->lost))) {
			listener->lost++;
			return;
		}
		listener->lost = 0;
	}
	if (!send(listener, event_message(notice, pid)))
		listener->lost++;
}

static void tell_group(const struct notice *notice)
{
	const struct wr_identity *identity = &notice->vm->identity;
	struct sk_buff *skb;

	if (!genl_has_listeners(&wr_genl_family, identity->net, 0))
		return;
	skb = event_message(notice, pid_nr_ns(identity->pid, group_pid_ns));
	/* An allocation that may wait would also have the sender yield to listeners that are behind. */
	if (skb)
		genlmsg_multicast_netns(&wr_genl_family, identity->net, skb, 0, 0, GFP_ATOMIC);
}

static void tell_listeners(const struct notice *notice)
{
	struct listener *listener;

	if (list_empty(&listeners))
		return;
	mutex_lock(&listeners_mutex);
	list_for_each_entry(listener, &listeners, link)
		if (wr_vm_visible(notice->vm, &listener->reader))
			deliver(listener, notice);
	mutex_unlock(&listeners_mutex);
}

/**
 * wr_notice - tell who listens
 * @vm: registered, or was until now
 * @what: happened
 * @vcpu: index of the vCPU that it happened to, below 0: none
 * @reason: enum warren_crash, 0: none
 *
 * Two calls about one VM reach a listener in their order if vm->life.lock is held. Context: process context, may sleep.
 */
void wr_notice(struct wr_vm *vm, enum warren_event what, int vcpu, u32 reason)
{
	struct notice notice = {
		.vm = vm, .what = what, .vcpu = vcpu, .reason = reason, .time = ktime_get_real_ns(),
	};

	wr_vm_get_name(vm, notice.name);
	tell_group(&notice);
	tell_listeners(&notice);
}

static struct listener *find_listener(const struct net *net, u32 portid)
{
	struct listener *listener;

	lockdep_assert_held(&listeners_mutex);
	list_for_each_entry(listener, &listeners, link)
		if (listener->portid == portid && net_eq(listener->reader.net, net))
			return listener;
	return NULL;
}

/* Each costs all VMs' creators a little. */
static bool too_many(kuid_t uid)
{
	struct listener *listener;
	unsigned int all = 0, own = 0;

	list_for_each_entry(listener, &listeners, link) {
		all++;
		own += uid_eq(listener->reader.sender->euid, uid);
	}
	if (own >= MAX_LISTENERS_OF_USER)
		return true;
	return all >= MAX_LISTENERS && !ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/**
 * wr_listen - tell a socket of events from now on
 * @reader: whose VMs; a socket that listens already is told of this reader's instead
 * @portid: the socket's, in @reader's network namespace
 *
 * Return: 0; -ENOSPC: the user has too many listeners; -ENOMEM. Context: may sleep.
 */
int wr_listen(const struct wr_reader *reader, u32 portid)
{
	struct listener *listener, *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	int err = 0;

	if (!new)
		return -ENOMEM;
	new->reader = *reader;
	new->portid = portid;
	mutex_lock(&listeners_mutex);
	listener = find_listener(reader->net, portid);
	if (listener) {
		swap(listener->reader, new->reader);
		wr_reader_hold(&listener->reader);
		wr_reader_drop(&new->reader);
	} else if (too_many(reader->sender->euid)) {
		err = -ENOSPC;
	} else {
		wr_reader_hold(&new->reader);
		list_add_tail(&new->link, &listeners);
		new = NULL;
	}
	mutex_unlock(&listeners_mutex);
	kfree(new);
	return err;
}

static void free_listener(struct listener *listener)
{
	list_del(&listener->link);
	wr_reader_drop(&listener->reader);
	kfree(listener);
}

static int socket_closed(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct netlink_notify *socket = data;
	struct listener *listener;

	if (action != NETLINK_URELEASE || socket->protocol != NETLINK_GENERIC || list_empty(&listeners))
		return NOTIFY_DONE;
	mutex_lock(&listeners_mutex);
	listener = find_listener(socket->net, socket->portid);
	if (listener)
		free_listener(listener);
	mutex_unlock(&listeners_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = socket_closed,
};

/**
 * wr_notice_init - learn when listeners go
 *
 * Return: 0 or a negative error. Context: module load, before the family is there.
 */
int wr_notice_init(void)
{
	int err = netlink_register_notifier(&netlink_notifier);

	if (!err)
		group_pid_ns = get_pid_ns(task_active_pid_ns(current));
	return err;
}

/**
 * wr_notice_exit - undo wr_notice_init(); the family and all VMs are gone
 *
 * Sockets that listened live on, and hear no more.
 */
void wr_notice_exit(void)
{
	struct listener *listener, *next;

	netlink_unregister_notifier(&netlink_notifier);
	list_for_each_entry_safe(listener, next, &listeners, link)
		free_listener(listener);
	put_pid_ns(group_pid_ns);
}
