/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_NETLINK_H
#define WARREN_CLI_NETLINK_H

#include <linux/warren.h>
#include <stdint.h>

#include "guests.h"

/*
 * Talks with the kernel about VMs. Functions return 0, or after an error message an exit status (status.h) with which the
 * command can end.
 */

struct nl_msg;
struct wr_netlink;

/**
 * typedef wr_netlink_handler - gets each message of an answer
 * @message: as it came
 * @context: of the one who asked
 *
 * Return: 0, or a negative errno that the request ends with.
 */
typedef int (*wr_netlink_handler)(struct nlmsghdr *message, void *context);

/**
 * struct wr_transport - the way to the kernel; tests have one of their own. All return 0 or a negative errno
 * @open: fills in @family and @private of the link; -ENOENT if the kernel has no such family
 * @close: frees @private
 * @request: sends the message, gives each message of the answer to the handler, returns the kernel's verdict; what the kernel
 *	said in words is in @extack then. -EAGAIN: the dump was inconsistent
 * @receive: waits so many ms (-1: for ever) for events, gives those there are to the handler; -EINTR after a signal
 * @trace: WARREN_TRACE_OPEN on a device; returns the file
 */
struct wr_transport {
	int (*open)(struct wr_netlink *link);
	void (*close)(struct wr_netlink *link);
	int (*request)(struct wr_netlink *link, struct nl_msg *message, wr_netlink_handler handler,
		       void *context);
	int (*receive)(struct wr_netlink *link, int timeout, wr_netlink_handler handler,
		       void *context);
	int (*trace)(const char *device, struct warren_trace_open *request);
};

/**
 * struct wr_netlink - an open way to the kernel
 * @private: the transport's
 * @family: the family's number
 * @extack: the kernel's words about the last request, or ""
 */
struct wr_netlink {
	void *private;
	int family;
	char extack[256];
};

/* The kernel by libnl, but in tests. */
extern const struct wr_transport *wr_transport;

/**
 * wr_netlink_open() - open a way to the kernel
 * @link: filled in; wr_netlink_close() must follow if that succeeds
 *
 * Return: 0; or after a message WR_STATUS_NO_MODULE or WR_STATUS_ERROR.
 */
int wr_netlink_open(struct wr_netlink *link);

/**
 * wr_netlink_close() - the opposite of wr_netlink_open()
 * @link: open
 */
void wr_netlink_close(struct wr_netlink *link);

/**
 * wr_netlink_vms() - all VMs that the caller may see, in order of their ids
 * @link: open
 * @vms: list of struct wr_guest, filled in; free its items also after failure
 *
 * Return: see above.
 */
int wr_netlink_vms(struct wr_netlink *link, struct wr_list *vms);

/**
 * wr_netlink_vm() - one VM
 * @link: open
 * @id: its id
 * @vm: filled in
 *
 * Return: see above; WR_STATUS_NO_VM if there is none of that id.
 */
int wr_netlink_vm(struct wr_netlink *link, uint32_t id, struct wr_guest *vm);

/**
 * wr_netlink_has() - whether there is a VM, without a message
 * @link: open
 * @id: its id
 *
 * Return: false only if the kernel says that there is none.
 */
bool wr_netlink_has(struct wr_netlink *link, uint32_t id);

/**
 * wr_netlink_named() - the VM that the kernel takes a name for: the caller's own before others'
 * @link: open
 * @name: its name
 * @vm: filled in
 * @unique: false: several other users have one of that name, and nothing was said
 *
 * Return: see above; WR_STATUS_NO_VM without a message if not @unique.
 */
int wr_netlink_named(struct wr_netlink *link, const char *name, struct wr_guest *vm,
		     bool *unique);

/**
 * wr_netlink_vcpus() - the vCPUs of a VM, in order of their indices
 * @link: open
 * @vm: its id
 * @vcpus: list of struct wr_guest_vcpu, filled in; free its items also after failure
 *
 * Return: see above.
 */
int wr_netlink_vcpus(struct wr_netlink *link, uint32_t vm, struct wr_list *vcpus);

/**
 * wr_netlink_set_name() - name a VM
 * @link: open
 * @id: of the VM
 * @name: at most WARREN_NAME_SIZE - 1 characters: letters, digits and . _ -, the first a letter
 *
 * Return: see above; WR_STATUS_ERROR if the owner has another VM of that name.
 */
int wr_netlink_set_name(struct wr_netlink *link, uint32_t id, const char *name);

/**
 * wr_netlink_pause() - stop a guest; none of its vCPUs runs when this returns
 * @link: open
 * @id: of the VM
 *
 * Return: see above.
 */
int wr_netlink_pause(struct wr_netlink *link, uint32_t id);

/**
 * wr_netlink_resume() - let a guest run on
 * @link: open
 * @id: of the VM
 *
 * Return: see above.
 */
int wr_netlink_resume(struct wr_netlink *link, uint32_t id);

/**
 * wr_netlink_listen() - ask for the events of all VMs that the caller may see; then the link is for wr_netlink_receive() only
 * @link: open
 *
 * Return: see above.
 */
int wr_netlink_listen(struct wr_netlink *link);

/**
 * wr_netlink_receive() - wait for events
 * @link: listening
 * @timeout: ms, -1: for ever; a signal that is handled ends the waiting, too
 * @handler: gets each event that is there; not 0 stops (the rest is thrown away)
 * @context: for @handler
 *
 * Return: see above.
 */
int wr_netlink_receive(struct wr_netlink *link, int timeout,
		       int (*handler)(const struct wr_event *event, void *context), void *context);

#endif
