// SPDX-License-Identifier: GPL-2.0-only
/* Generic netlink for tests: see nl.h. */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nl.h"
#include "vm.h"

#define ANSWER_MS 20000

static const struct genlmsghdr *genl_head(const struct nl_msg *m)
{
	return (const void *)(m->bytes + NLMSG_HDRLEN);
}

u8 msg_cmd(const struct nl_msg *m)
{
	return genl_head(m)->cmd;
}

void msg_init(struct nl *nl, struct nl_msg *m, u8 cmd, u16 flags)
{
	struct genlmsghdr *genl = (void *)(m->bytes + NLMSG_HDRLEN);

	m->head = (struct nlmsghdr) {
		.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN, .nlmsg_type = nl->family,
		.nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++nl->seq,
	};
	*genl = (struct genlmsghdr) { .cmd = cmd, .version = WARREN_GENL_VERSION };
}

void msg_put(struct nl_msg *m, u16 type, const void *data, size_t len)
{
	struct nlattr *a = (void *)(m->bytes + m->head.nlmsg_len);

	memset(a, 0, NLA_HDRLEN + NLA_ALIGN(len));
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy(a + 1, data, len);
	m->head.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(len);
}

void msg_u32(struct nl_msg *m, u16 type, u32 value)
{
	msg_put(m, type, &value, sizeof(value));
}

void msg_str(struct nl_msg *m, u16 type, const char *s)
{
	msg_put(m, type, s, strlen(s) + 1);
}

const void *in_attr(const void *nest, size_t size, u16 type, size_t *len)
{
	const u8 *p = nest, *end = p + size;

	while (p + NLA_HDRLEN <= end) {
		const struct nlattr *a = (const void *)p;

		if (a->nla_len < NLA_HDRLEN || p + a->nla_len > end)
			FAIL("an attribute of %u bytes where %zu are left", a->nla_len, end - p);
		if ((a->nla_type & NLA_TYPE_MASK) == type) {
			if (len)
				*len = a->nla_len - NLA_HDRLEN;
			return a + 1;
		}
		p += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

const void *msg_attr(const struct nl_msg *m, u16 type, size_t *len)
{
	size_t head = NLMSG_HDRLEN + GENL_HDRLEN;

	return in_attr(m->bytes + head, m->head.nlmsg_len - head, type, len);
}

bool msg_has(const struct nl_msg *m, u16 type)
{
	return msg_attr(m, type, NULL);
}

static const void *need(const struct nl_msg *m, u16 type, size_t size)
{
	size_t len;
	const void *p = msg_attr(m, type, &len);

	if (!p || (size && len != size))
		FAIL("command %u: attribute %u is not there, or not of %zu bytes", msg_cmd(m), type, size);
	return p;
}

u32 msg_get_u32(const struct nl_msg *m, u16 type)
{
	return *(const u32 *)need(m, type, sizeof(u32));
}

u64 msg_get_u64(const struct nl_msg *m, u16 type)
{
	u64 v;

	memcpy(&v, need(m, type, sizeof(v)), sizeof(v));
	return v;
}

const char *msg_get_str(const struct nl_msg *m, u16 type)
{
	return need(m, type, 0);
}

void nl_send(struct nl *nl, const struct nl_msg *m)
{
	CHECK_EQ(CHECK_OK(send(nl->fd, m, m->head.nlmsg_len, 0)), m->head.nlmsg_len);
}

bool nl_read(struct nl *nl, struct nl_msg *m, int ms)
{
	struct pollfd p = { .fd = nl->fd, .events = POLLIN };
	const struct nlmsghdr *h;
	ssize_t n;

	if (nl->at == nl->len) {
		if (poll(&p, 1, ms) <= 0) {
			errno = EAGAIN;
			return false;
		}
		n = recv(nl->fd, nl->in, sizeof(nl->in), MSG_DONTWAIT);
		if (n < 0)
			return false;
		nl->len = n;
		nl->at = 0;
	}
	h = (const void *)(nl->in + nl->at);
	CHECK(nl->at + h->nlmsg_len <= nl->len);
	memcpy(m, h, h->nlmsg_len);
	nl->at += NLMSG_ALIGN(h->nlmsg_len);
	if (nl->at > nl->len)
		nl->at = nl->len;
	return true;
}

/* NLMSG_ERROR and NLMSG_DONE carry a number, and after the request's header the kernel's words. */
static int verdict(struct nl *nl, const struct nl_msg *m)
{
	const struct nlmsgerr *e = (const void *)(m->bytes + NLMSG_HDRLEN);
	size_t at = NLMSG_HDRLEN + (m->head.nlmsg_type == NLMSG_DONE ? sizeof(int) : sizeof(*e));
	const char *text = NULL;

	if (m->head.nlmsg_flags & NLM_F_ACK_TLVS)
		text = in_attr(m->bytes + at, m->head.nlmsg_len - at, NLMSGERR_ATTR_MSG, NULL);
	snprintf(nl->error, sizeof(nl->error), "%s", text ? text : "");
	return e->error;
}

static void read_answer(struct nl *nl, struct nl_msg *m)
{
	if (!nl_read(nl, m, ANSWER_MS))
		FAIL("no answer to request %u: %s", nl->seq, strerror(errno));
}

int nl_ask(struct nl *nl, struct nl_msg *m, struct nl_msg *answer)
{
	struct nl_msg in;

	m->head.nlmsg_flags |= NLM_F_ACK;
	nl_send(nl, m);
	for (;;) {
		read_answer(nl, &in);
		if (in.head.nlmsg_seq != nl->seq)
			continue;
		if (in.head.nlmsg_type == NLMSG_ERROR)
			return verdict(nl, &in);
		if (answer)
			memcpy(answer, &in, in.head.nlmsg_len);
	}
}

int nl_dump(struct nl *nl, struct nl_msg *m, void (*fn)(const struct nl_msg *m, void *arg), void *arg)
{
	struct nl_msg in;

	m->head.nlmsg_flags |= NLM_F_DUMP;
	nl_send(nl, m);
	for (;;) {
		read_answer(nl, &in);
		if (in.head.nlmsg_seq != nl->seq)
			continue;
		if (in.head.nlmsg_type == NLMSG_ERROR || in.head.nlmsg_type == NLMSG_DONE)
			return verdict(nl, &in);
		fn(&in, arg);
	}
}

static void find_family(struct nl *nl)
{
	struct nl_msg m, answer;
	const void *groups, *group;
	size_t size, len;

	nl->family = GENL_ID_CTRL;
	msg_init(nl, &m, CTRL_CMD_GETFAMILY, 0);
	msg_str(&m, CTRL_ATTR_FAMILY_NAME, WARREN_GENL_NAME);
	if (nl_ask(nl, &m, &answer))
		FAIL("there is no family %s: %s", WARREN_GENL_NAME, nl->error);
	nl->family = *(const u16 *)need(&answer, CTRL_ATTR_FAMILY_ID, sizeof(u16));
	groups = msg_attr(&answer, CTRL_ATTR_MCAST_GROUPS, &size);
	CHECK(groups);
	group = in_attr(groups, size, 1, &len);
	CHECK(group && !strcmp(in_attr(group, len, CTRL_ATTR_MCAST_GRP_NAME, NULL), WARREN_GENL_EVENTS));
	nl->group = *(const u32 *)in_attr(group, len, CTRL_ATTR_MCAST_GRP_ID, NULL);
}

void nl_open(struct nl *nl)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int one = 1;

	if (is_kvm())
		SKIP("KVM has no such family");
	memset(nl, 0, sizeof(*nl));
	nl->fd = CHECK_OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
	CHECK_OK(bind(nl->fd, (void *)&a, sizeof(a)));
	CHECK_OK(setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)));
	CHECK_OK(setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)));
	find_family(nl);
}

void nl_close(struct nl *nl)
{
	close(nl->fd);
}

int nl_vm_get(struct nl *nl, u32 id, struct nl_msg *answer)
{
	struct nl_msg m;

	msg_init(nl, &m, WARREN_CMD_VM_GET, 0);
	msg_u32(&m, WARREN_A_VM_ID, id);
	return nl_ask(nl, &m, answer);
}

int nl_vm_get_name(struct nl *nl, const char *name, struct nl_msg *answer)
{
	struct nl_msg m;

	msg_init(nl, &m, WARREN_CMD_VM_GET, 0);
	msg_str(&m, WARREN_A_VM_NAME, name);
	return nl_ask(nl, &m, answer);
}

int nl_vcpu_get(struct nl *nl, u32 id, u32 index, struct nl_msg *answer)
{
	struct nl_msg m;

	msg_init(nl, &m, WARREN_CMD_VCPU_GET, 0);
	msg_u32(&m, WARREN_A_VCPU_VM, id);
	msg_u32(&m, WARREN_A_VCPU_INDEX, index);
	return nl_ask(nl, &m, answer);
}

int nl_set_name(struct nl *nl, u32 id, const char *name)
{
	struct nl_msg m;

	msg_init(nl, &m, WARREN_CMD_VM_SET, 0);
	msg_u32(&m, WARREN_A_VM_ID, id);
	msg_str(&m, WARREN_A_VM_NAME, name);
	return nl_ask(nl, &m, NULL);
}

int nl_command(struct nl *nl, u8 cmd, u32 id)
{
	struct nl_msg m;

	msg_init(nl, &m, cmd, 0);
	msg_u32(&m, WARREN_A_VM_ID, id);
	return nl_ask(nl, &m, NULL);
}

int nl_listen(struct nl *nl)
{
	struct nl_msg m;

	msg_init(nl, &m, WARREN_CMD_LISTEN, 0);
	return nl_ask(nl, &m, NULL);
}

static void count(const struct nl_msg *m, void *arg)
{
	CHECK_EQ(msg_cmd(m), WARREN_CMD_VM_GET);
	++*(int *)arg;
}

int nl_count(struct nl *nl)
{
	struct nl_msg m;
	int n = 0;

	msg_init(nl, &m, WARREN_CMD_VM_GET, 0);
	CHECK_EQ(nl_dump(nl, &m, count, &n), 0);
	return n;
}

u32 vm_id(struct vm *vm)
{
	struct warren_vm_info info;

	CHECK_OK(ioctl(vm->fd, WARREN_GET_VM_INFO, &info));
	CHECK_EQ(info.reserved, 0);
	return info.id;
}

u32 new_vm(struct vm *vm)
{
	vm_init_bare(vm);
	return vm_id(vm);
}
