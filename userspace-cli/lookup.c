// SPDX-License-Identifier: GPL-2.0-only
#include "lookup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "status.h"
#include "util.h"

static int no_vm(const char *text)
{
	wr_error("there is no VM '%s'", text);
	wr_hint("`warren ps` lists those that you may see; root sees everybody's");
	return WR_STATUS_NO_VM;
}

/* Nothing is done to any of them; which ones there are is told. */
static int ambiguous(struct wr_netlink *link, const char *name)
{
	const struct wr_guest *guest, *end;
	char ids[512] = "";
	struct wr_list vms;
	size_t len = 0;

	if (!wr_netlink_vms(link, &vms)) {
		guest = vms.items;
		for (end = guest + vms.count; guest < end; guest++)
			if (!strcmp(guest->name, name) && len < sizeof(ids))
				len += (size_t)snprintf(ids + len, sizeof(ids) - len, " %u",
							guest->id);
	}
	free(vms.items);
	wr_error("several VMs have the name '%s':%s", name, ids);
	wr_hint("give the id of the one that you mean; `warren ps` tells whose each is");
	return WR_STATUS_NO_VM;
}

int wr_lookup(struct wr_netlink *link, const char *text, struct wr_guest *guest)
{
	unsigned long id;
	bool unique;
	int status;

	/* No name begins with a digit. */
	if (!wr_parse_count(text, 0, UINT32_MAX, &id))
		return wr_netlink_vm(link, (uint32_t)id, guest);
	/* The kernel takes names that a VM can have; for others this is clearer than what it would say. */
	if (!wr_config_is_name(text))
		return no_vm(text);
	status = wr_netlink_named(link, text, guest, &unique);
	return unique ? status : ambiguous(link, text);
}

char *wr_guest_title(const struct wr_guest *guest, char *text, size_t size)
{
	if (guest->name[0])
		snprintf(text, size, "VM %u (%s)", guest->id, guest->name);
	else
		snprintf(text, size, "VM %u", guest->id);
	return text;
}
