// SPDX-License-Identifier: GPL-2.0-only
/* Requests of the family "warren", and what their failures mean. */
#include "netlink.h"

#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "util.h"

/* A dump that VMs' coming and going disturbs is done again, as often. */
#define DUMP_TRIES 8

struct failure {
	int error;
	int status;
	const char *text;
	const char *hint;
};

static const struct failure failures[] = {
	{ ENOENT, WR_STATUS_NO_VM, "there is no such VM",
	  "`warren ps` lists those that you may see; root sees everybody's" },
	{ EPERM, WR_STATUS_ERROR, "you are not allowed to",
	  "you may manage your own VMs; with CAP_SYS_ADMIN, all" },
	{ EACCES, WR_STATUS_ERROR, "you are not allowed to",
	  "you may manage your own VMs; with CAP_SYS_ADMIN, all" },
	{ EEXIST, WR_STATUS_ERROR, "its owner has another VM of that name",
	  "choose another name, or end that VM: `warren ps` shows it" },
	{ EINVAL, WR_STATUS_ERROR, "the kernel refuses that",
	  "a name is letters, digits and . _ - and starts with a letter; if it is not about a "
	  "name, module and launcher differ: `modinfo warren`, `warren --version`" },
	{ ERANGE, WR_STATUS_ERROR, "the name is too long", "63 characters are the most" },
	{ ENOSPC, WR_STATUS_ERROR, "there are too many listeners",
	  "end some: `warren events` and its like" },
	{ EOPNOTSUPP, WR_STATUS_ERROR, "the loaded module cannot do that",
	  "module and launcher differ: `modinfo warren`, `warren --version`" },
	{ ENODEV, WR_STATUS_NO_MODULE, "the module was unloaded", "load it: sudo insmod warren.ko" },
	{ EBADMSG, WR_STATUS_ERROR, "the kernel's answer makes no sense",
	  "module and launcher differ: `modinfo warren`, `warren --version`" },
	{ EAGAIN, WR_STATUS_ERROR, "VMs came and went all the time", "try it again" },
	{ ENOMEM, WR_STATUS_ERROR, "there is not enough memory", "free some and try it again" },
	{ ENOBUFS, WR_STATUS_ERROR, "there is not enough memory", "free some and try it again" },
};

/* fail(LINK, -ERRNO, WHAT...): "cannot WHAT: why", and what to do. */
static int __printf(3, 4) fail(const struct wr_netlink *link, int error, const char *what, ...)
{
	const char *extack = link->extack;
	char doing[128];
	va_list args;
	size_t i;

	va_start(args, what);
	vsnprintf(doing, sizeof(doing), what, args);
	va_end(args);
	for (i = 0; i < ARRAY_SIZE(failures); i++) {
		if (failures[i].error != -error)
			continue;
		wr_error("cannot %s: %s%s%s%s", doing, failures[i].text, *extack ? " (" : "",
			 extack, *extack ? ")" : "");
		wr_hint("%s", failures[i].hint);
		return failures[i].status;
	}
	wr_error("cannot %s: %s%s%s%s", doing, strerror(-error), *extack ? " (" : "", extack,
		 *extack ? ")" : "");
	return WR_STATUS_ERROR;
}

int wr_netlink_open(struct wr_netlink *link)
{
	int error;

	memset(link, 0, sizeof(*link));
	error = wr_transport->open(link);
	if (error == -ENOENT) {
		wr_error("the module is not loaded: the kernel has no netlink family '%s'",
			 WARREN_GENL_NAME);
		wr_hint("load it: sudo insmod warren.ko; `warren doctor` tells whether it can be");
		return WR_STATUS_NO_MODULE;
	}
	return error ? fail(link, error, "ask the kernel") : 0;
}

void wr_netlink_close(struct wr_netlink *link)
{
	wr_transport->close(link);
}

static struct nl_msg *message_new(const struct wr_netlink *link, int flags, uint8_t command)
{
	struct nl_msg *message = nlmsg_alloc();

	if (message && !genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, link->family, 0,
				    NLM_F_REQUEST | flags, command, WARREN_GENL_VERSION)) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

/* Sends and frees the message. */
static int request(struct wr_netlink *link, struct nl_msg *message, wr_netlink_handler handler,
		   void *context)
{
	int error;

	link->extack[0] = '\0';
	error = wr_transport->request(link, message, handler, context);
	nlmsg_free(message);
	return error;
}

/* A request about one VM, or about none if @attribute is 0. */
static int request_about(struct wr_netlink *link, int flags, uint8_t command, int attribute,
			 uint32_t id, wr_netlink_handler handler, void *context)
{
	struct nl_msg *message = message_new(link, flags, command);

	if (!message)
		return -ENOMEM;
	if (attribute && nla_put_u32(message, attribute, id)) {
		nlmsg_free(message);
		return -EMSGSIZE;
	}
	return request(link, message, handler, context);
}

/* Dumps into a list, from its beginning if the dump was disturbed. */
static int dump(struct wr_netlink *link, uint8_t command, int attribute, uint32_t id,
		wr_netlink_handler handler, struct wr_list *list)
{
	int tries, error = -EAGAIN;

	for (tries = 0; tries < DUMP_TRIES && error == -EAGAIN; tries++) {
		free(list->items);
		memset(list, 0, sizeof(*list));
		error = request_about(link, NLM_F_DUMP, command, attribute, id, handler, list);
	}
	return error;
}

static int add_vm(struct nlmsghdr *message, void *context)
{
	struct wr_guest vm;
	int error = wr_guest_parse(message, &vm);

	return error ? error : wr_list_add(context, &vm, sizeof(vm));
}

int wr_netlink_vms(struct wr_netlink *link, struct wr_list *vms)
{
	int error;

	memset(vms, 0, sizeof(*vms));
	error = dump(link, WARREN_CMD_VM_GET, 0, 0, add_vm, vms);
	/* It is the family that is not there any more. */
	if (error)
		return fail(link, error == -ENOENT ? -ENODEV : error, "list the VMs");
	if (vms->count)
		qsort(vms->items, vms->count, sizeof(struct wr_guest), wr_guest_compare);
	return 0;
}

static int take_vm(struct nlmsghdr *message, void *context)
{
	return wr_guest_parse(message, context);
}

int wr_netlink_vm(struct wr_netlink *link, uint32_t id, struct wr_guest *vm)
{
	int error = request_about(link, 0, WARREN_CMD_VM_GET, WARREN_A_VM_ID, id, take_vm, vm);

	return error ? fail(link, error, "look at VM %u", id) : 0;
}

bool wr_netlink_has(struct wr_netlink *link, uint32_t id)
{
	struct wr_guest vm;

	return request_about(link, 0, WARREN_CMD_VM_GET, WARREN_A_VM_ID, id, take_vm, &vm) != -ENOENT;
}

int wr_netlink_named(struct wr_netlink *link, const char *name, struct wr_guest *vm,
		     bool *unique)
{
	struct nl_msg *message = message_new(link, 0, WARREN_CMD_VM_GET);
	int error = -ENOMEM;

	*unique = true;
	if (message && nla_put_string(message, WARREN_A_VM_NAME, name))
		nlmsg_free(message);
	else if (message)
		error = request(link, message, take_vm, vm);
	if (error == -ENOTUNIQ) {
		*unique = false;
		return WR_STATUS_NO_VM;
	}
	return error ? fail(link, error, "look at VM '%s'", name) : 0;
}

static int add_vcpu(struct nlmsghdr *message, void *context)
{
	struct wr_guest_vcpu vcpu;
	int error = wr_guest_vcpu_parse(message, &vcpu);

	return error ? error : wr_list_add(context, &vcpu, sizeof(vcpu));
}

static int compare_vcpus(const void *a, const void *b)
{
	const struct wr_guest_vcpu *first = a, *second = b;

	return (first->index > second->index) - (first->index < second->index);
}

int wr_netlink_vcpus(struct wr_netlink *link, uint32_t vm, struct wr_list *vcpus)
{
	int error;

	memset(vcpus, 0, sizeof(*vcpus));
	error = dump(link, WARREN_CMD_VCPU_GET, WARREN_A_VCPU_VM, vm, add_vcpu, vcpus);
	if (error)
		return fail(link, error, "look at the vCPUs of VM %u", vm);
	if (vcpus->count)
		qsort(vcpus->items, vcpus->count, sizeof(struct wr_guest_vcpu), compare_vcpus);
	return 0;
}

int wr_netlink_set_name(struct wr_netlink *link, uint32_t id, const char *name)
{
	struct nl_msg *message = message_new(link, 0, WARREN_CMD_VM_SET);
	int error;

	if (!message)
		return fail(link, -ENOMEM, "name VM %u", id);
	if (nla_put_u32(message, WARREN_A_VM_ID, id) ||
	    nla_put_string(message, WARREN_A_VM_NAME, name)) {
		nlmsg_free(message);
		return fail(link, -EMSGSIZE, "name VM %u", id);
	}
	error = request(link, message, NULL, NULL);
	return error ? fail(link, error, "name VM %u '%s'", id, name) : 0;
}

int wr_netlink_pause(struct wr_netlink *link, uint32_t id)
{
	int error = request_about(link, 0, WARREN_CMD_VM_PAUSE, WARREN_A_VM_ID, id, NULL, NULL);

	return error ? fail(link, error, "pause VM %u", id) : 0;
}

int wr_netlink_resume(struct wr_netlink *link, uint32_t id)
{
	int error = request_about(link, 0, WARREN_CMD_VM_RESUME, WARREN_A_VM_ID, id, NULL, NULL);

	return error ? fail(link, error, "resume VM %u", id) : 0;
}

int wr_netlink_listen(struct wr_netlink *link)
{
	int error = request_about(link, 0, WARREN_CMD_LISTEN, 0, 0, NULL, NULL);

	return error ? fail(link, error, "listen to events") : 0;
}

struct receiver {
	int (*handler)(const struct wr_event *event, void *context);
	void *context;
	int stopped;
};

static int take_event(struct nlmsghdr *message, void *context)
{
	struct receiver *receiver = context;
	struct wr_event event;
	int error;

	if (receiver->stopped)
		return 0;
	error = wr_event_parse(message, &event);
	if (!error)
		receiver->stopped = receiver->handler(&event, receiver->context);
	return error;
}

int wr_netlink_receive(struct wr_netlink *link, int timeout,
		       int (*handler)(const struct wr_event *event, void *context), void *context)
{
	struct receiver receiver = { .handler = handler, .context = context };
	int error;

	link->extack[0] = '\0';
	error = wr_transport->receive(link, timeout, take_event, &receiver);
	return error && error != -EINTR ? fail(link, error, "receive events") : 0;
}
