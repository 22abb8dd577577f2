// SPDX-License-Identifier: GPL-2.0-only
#include "lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "util.h"

static int no_vm(const char *text)
{
	wr_error("there is no VM '%s'", text);
	wr_hint("`warren ps` lists those that you may see; root sees everybody's");
	return WR_STATUS_NO_VM;
}

static int ambiguous(const char *name, const struct wr_list *vms)
{
	const struct wr_guest *guest = vms->items, *end = guest + vms->count;
	char ids[512] = "";
	size_t len = 0;

	for (; guest < end; guest++)
		if (!strcmp(guest->name, name) && len < sizeof(ids))
			len += (size_t)snprintf(ids + len, sizeof(ids) - len, " %u", guest->id);
	wr_error("several VMs have the name '%s':%s", name, ids);
	wr_hint("give the id of the one that you mean; `warren ps` tells whose each is");
	return WR_STATUS_NO_VM;
}

static int find_name(const char *name, const struct wr_list *vms, struct wr_guest *guest)
{
	const struct wr_guest *at = vms->items, *end = at + vms->count;
	unsigned int found = 0;

	for (; at < end; at++) {
		if (strcmp(at->name, name))
			continue;
		*guest = *at;
		found++;
	}
	if (!found)
		return no_vm(name);
	return found == 1 ? 0 : ambiguous(name, vms);
}

int wr_lookup(struct wr_netlink *link, const char *text, struct wr_guest *guest)
{
	unsigned long id;
	struct wr_list vms;
	int status;

	/* No name begins with a digit. */
	if (!wr_parse_count(text, 0, UINT32_MAX, &id))
		return wr_netlink_vm(link, (uint32_t)id, guest);
	if (!*text)
		return no_vm(text);
	status = wr_netlink_vms(link, &vms);
	if (!status)
		status = find_name(text, &vms, guest);
	free(vms.items);
	return status;
}

char *wr_guest_title(const struct wr_guest *guest, char *text, size_t size)
{
	if (guest->name[0])
		snprintf(text, size, "VM %u (%s)", guest->id, guest->name);
	else
		snprintf(text, size, "VM %u", guest->id);
	return text;
}
