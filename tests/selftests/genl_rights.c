// SPDX-License-Identifier: GPL-2.0-only
/* The netlink family: who sees which VMs. Users, capabilities, and the three kinds of namespaces. */
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nl.h"
#include "vm.h"

#define NOBODY 65534

static void become(uid_t uid)
{
	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(uid, uid, uid));
	CHECK_OK(setresuid(uid, uid, uid));
}

static void sees_nothing_of(struct nl *nl, u32 id)
{
	CHECK_EQ(nl_vm_get(nl, id, NULL), -ENOENT);
	CHECK_EQ(nl_vcpu_get(nl, id, 0, NULL), -ENOENT);
	CHECK_EQ(nl_set_name(nl, id, "mine"), -ENOENT);
	CHECK_EQ(nl_command(nl, WARREN_CMD_VM_PAUSE, id), -ENOENT);
	CHECK_EQ(nl_command(nl, WARREN_CMD_VM_RESUME, id), -ENOENT);
	CHECK_EQ(nl_vm_get_name(nl, "roots", NULL), -ENOENT);
}

/* Another user, with a VM of his own of the same name as root's: root sees both, and has the first to be asked for. */
static void other_user(void *arg)
{
	struct nl_msg m;
	struct nl nl, root;
	struct vm vm;
	u32 id;

	nl_open(&root);
	memset(&vm, 0, sizeof(vm));
	vm.dev = open_device();
	become(NOBODY);
	nl_open(&nl);
	CHECK_EQ(nl_count(&nl), 0);
	sees_nothing_of(&nl, *(u32 *)arg);
	vm.fd = CHECK_OK(vm_create(vm.dev));
	id = vm_id(&vm);
	CHECK_EQ(nl_count(&nl), 1);
	CHECK_EQ(nl_set_name(&nl, id, "roots"), 0);
	CHECK_EQ(nl_vm_get_name(&nl, "roots", &m), 0);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_ID), id);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_UID), NOBODY);
	/* A socket that root opened gives its user nothing; what both may see is there. */
	CHECK_EQ(nl_vm_get(&root, *(u32 *)arg, NULL), -ENOENT);
	CHECK_EQ(nl_vm_get(&root, id, NULL), 0);
}

TEST(another_user)
{
	struct nl_msg m;
	struct nl nl;
	struct vm vm;
	u32 id;

	nl_open(&nl);
	id = new_vm(&vm);
	CHECK_EQ(nl_set_name(&nl, id, "roots"), 0);
	CHECK(in_child(other_user, &id));
	CHECK_EQ(nl_vm_get_name(&nl, "roots", &m), 0);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_ID), id);
}

/* Who opened the socket must be allowed too: a privileged program is no tool for others. */
static void deputy(void *arg)
{
	struct nl nl;

	CHECK_OK(setresuid(NOBODY, NOBODY, 0));
	nl_open(&nl);
	CHECK_OK(setresuid(0, 0, 0));
	CHECK_EQ(nl_count(&nl), 0);
	sees_nothing_of(&nl, *(u32 *)arg);
	nl_open(&nl);
	CHECK_EQ(nl_vm_get(&nl, *(u32 *)arg, NULL), 0);
}

TEST(confused_deputy)
{
	struct nl nl;
	struct vm vm;
	u32 id;

	nl_open(&nl);
	id = new_vm(&vm);
	CHECK_EQ(nl_set_name(&nl, id, "roots"), 0);
	CHECK(in_child(deputy, &id));
}

/* The answer to a dump is what its sender may see, whoever reads the socket. */
TEST(dump_read_by_another)
{
	struct vm vm[40];
	struct nl_msg m;
	struct nl nl;
	int i, n = 0, status;
	pid_t pid;

	nl_open(&nl);
	for (i = 0; i < 40; i++)
		new_vm(&vm[i]);
	msg_init(&nl, &m, WARREN_CMD_VM_GET, NLM_F_DUMP);
	nl_send(&nl, &m);
	pid = CHECK_OK(fork());
	if (!pid) {
		become(NOBODY);
		while (nl_read(&nl, &m, 5000) && m.head.nlmsg_type != NLMSG_DONE)
			n += m.head.nlmsg_seq == nl.seq;
		CHECK_EQ(n, 40);
		_exit(0);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
}

static void map_ids(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	CHECK(write_file(path, "deny"));
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	CHECK(write_file(path, "0 1000 1\n1 1001 1\n"));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	CHECK(write_file(path, "0 1000 1\n"));
}

static void wait_byte(int fd)
{
	char c;

	CHECK_EQ(read(fd, &c, 1), 1);
}

/* Root of a user namespace sees the VMs of all its users, with their ids as it has them, and none of the host's. */
static void namespace_root(int from, int to, int dev, u32 roots)
{
	struct nl_msg m;
	struct nl nl;
	struct __user_cap_header_struct cap = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};
	struct vm vm = { .dev = dev };
	u32 id;

	CHECK_OK(unshare(CLONE_NEWUSER));
	CHECK_EQ(write(to, "u", 1), 1);
	wait_byte(from);
	CHECK_OK(setresuid(1, 1, 0));
	vm.fd = CHECK_OK(vm_create(vm.dev));
	id = vm_id(&vm);
	CHECK_OK(setresuid(0, 0, 0));
	nl_open(&nl);
	CHECK_EQ(nl_count(&nl), 1);
	CHECK_EQ(nl_vm_get(&nl, id, &m), 0);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_UID), 1);
	CHECK_EQ(nl_vm_get(&nl, roots, NULL), -ENOENT);
	CHECK_EQ(write(to, &id, sizeof(id)), sizeof(id));
	wait_byte(from);
	/* Without the capability only its own: user 0's, which are none. */
	CHECK_OK(syscall(SYS_capset, &cap, none));
	nl_open(&nl);
	CHECK_EQ(nl_count(&nl), 0);
}

TEST(user_namespace)
{
	int down[2], up[2], dev, status;
	struct nl_msg m;
	struct nl nl;
	struct vm vm;
	u32 roots, id;
	pid_t pid;

	nl_open(&nl);
	roots = new_vm(&vm);
	dev = open_device();
	CHECK_OK(pipe(down));
	CHECK_OK(pipe(up));
	pid = CHECK_OK(fork());
	if (!pid) {
		namespace_root(down[0], up[1], dev, roots);
		_exit(0);
	}
	wait_byte(up[0]);
	map_ids(pid);
	CHECK_EQ(write(down[1], "m", 1), 1);
	if (read(up[0], &id, sizeof(id)) == sizeof(id)) {
		CHECK_EQ(nl_vm_get(&nl, id, &m), 0);
		CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_UID), 1001);
		CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_PID), pid);
	}
	CHECK_EQ(write(down[1], "e", 1), 1);
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
}

/* The number of a process that is gone may soon be another's, which a reader must not take for the VM's. */
TEST(creator_is_gone)
{
	int told[2], hold[2], status;
	struct nl_msg m;
	struct vm vm;
	struct nl nl;
	pid_t pid;
	u32 id;

	nl_open(&nl);
	CHECK_OK(pipe(told));
	CHECK_OK(pipe(hold));
	pid = CHECK_OK(fork());
	if (!pid) {
		id = new_vm(&vm);
		/* A child keeps the VM. */
		if (!CHECK_OK(fork())) {
			close(hold[1]);
			wait_byte(hold[0]);
			_exit(0);
		}
		CHECK_EQ(write(told[1], &id, sizeof(id)), sizeof(id));
		_exit(0);
	}
	CHECK_EQ(read(told[0], &id, sizeof(id)), sizeof(id));
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(nl_vm_get(&nl, id, &m), 0);
	CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_PID), 0);
	CHECK_EQ(write(hold[1], "e", 1), 1);
}

/* A user namespace of one's own makes nobody see more; the same user is the same user there. */
static void own_namespace(void *arg)
{
	struct nl_msg m;
	struct nl nl;
	struct vm vm = { .dev = open_device() };
	u32 id;

	become(NOBODY);
	vm.fd = CHECK_OK(vm_create(vm.dev));
	id = vm_id(&vm);
	CHECK_OK(unshare(CLONE_NEWUSER));
	nl_open(&nl);
	CHECK_EQ(nl_count(&nl), 1);
	CHECK_EQ(nl_vm_get(&nl, id, &m), 0);
	CHECK_EQ(nl_vm_get(&nl, *(u32 *)arg, NULL), -ENOENT);
}

TEST(own_user_namespace)
{
	struct nl nl;
	struct vm vm;
	u32 id;

	nl_open(&nl);
	id = new_vm(&vm);
	CHECK(in_child(own_namespace, &id));
}

TEST(net_namespace)
{
	struct nl nl, there;
	struct vm vm, inside;
	u32 id, id2;

	nl_open(&nl);
	id = new_vm(&vm);
	CHECK_EQ(nl_set_name(&nl, id, "roots"), 0);
	CHECK_OK(unshare(CLONE_NEWNET));
	nl_open(&there);
	CHECK_EQ(nl_count(&there), 0);
	sees_nothing_of(&there, id);
	id2 = new_vm(&inside);
	CHECK_EQ(nl_count(&there), 1);
	/* The same name, and its owner's other one is elsewhere. */
	CHECK_EQ(nl_set_name(&there, id2, "roots"), 0);
	CHECK_EQ(nl_vm_get(&nl, id2, NULL), -ENOENT);
	CHECK_EQ(nl_count(&nl), 1);
}

#define NAMESPACES 60

/*
 * How many there are, by the cache that they are from; 0 when the kernel does not tell. It takes each object of the slabs
 * that a CPU has at hand for one in use: what is free there is given back first.
 */
static u64 net_namespaces(void)
{
	FILE *f = fopen("/sys/kernel/slab/net_namespace/shrink", "w");
	unsigned long n = 0;
	char line[256];

	if (f) {
		fputs("1", f);
		fclose(f);
	}
	f = fopen("/proc/slabinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "net_namespace %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* A network namespace ends with its VM: nothing holds it after that. */
TEST(net_namespaces_come_and_go)
{
	u64 before = net_namespaces(), end = now_ns() + 40000000000ull;
	struct nl nl;
	struct vm vm;
	u32 i;

	for (i = 0; i < test_scale(NAMESPACES); i++) {
		CHECK_OK(unshare(CLONE_NEWNET));
		new_vm(&vm);
		nl_open(&nl);
		CHECK_EQ(nl_listen(&nl), 0);
		CHECK_EQ(nl_count(&nl), 1);
		nl_close(&nl);
		close(vm.fd);
		close(vm.dev);
	}
	/* With KASAN, which keeps what was freed, the kernel counts all. */
	while (net_namespaces() > before + NAMESPACES / 4 && test_scale(NAMESPACES) == NAMESPACES) {
		if (now_ns() > end)
			FAIL("%lu network namespaces, there were %lu", (unsigned long)net_namespaces(),
			     (unsigned long)before);
		/* The kernel takes them down in its own time, and frees a batch of them with the next one. */
		CHECK_OK(unshare(CLONE_NEWNET));
		sleep_ms(1000);
	}
}

TEST(pid_namespace)
{
	struct nl_msg m;
	int status;
	struct nl nl;
	struct vm vm;
	pid_t pid;
	u32 id;

	nl_open(&nl);
	id = new_vm(&vm);
	CHECK_OK(unshare(CLONE_NEWPID));
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_EQ(nl_vm_get(&nl, id, &m), 0);
		CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_PID), 0);
		id = new_vm(&vm);
		CHECK_EQ(nl_vm_get(&nl, id, &m), 0);
		CHECK_EQ(msg_get_u32(&m, WARREN_A_VM_PID), 1);
		_exit(0);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
}
