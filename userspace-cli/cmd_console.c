// SPDX-License-Identifier: GPL-2.0-only
/* warren console: the serial line of a guest that runs already. */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client.h"
#include "cmd.h"
#include "console.h"
#include "loop.h"
#include "status.h"
#include "stop.h"
#include "util.h"

struct console {
	struct wr_client client;
	struct wr_stop stop;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **who = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (*who)
			argp_error(state, "one VM at a time");
		*who = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which VM? `warren ps` lists them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "VM",
	.doc = "Attach this terminal to the serial line of a guest that `warren run` runs. VM is its id"
	       " or name.\v"
	       "Keys: Ctrl-a d detaches, Ctrl-a p presses the power button, Ctrl-a h lists them.\n"
	       "The last of what the guest printed is shown first. One may be attached at a time; a"
	       " terminal that is slow loses output and never holds back the guest.\n\n"
	       "Exit status:\n"
	       "  0  detached, or the guest ended\n"
	       "  1  it could not be reached, or the connection broke\n"
	       "  2  wrong usage\n"
	       "  7  there is no such VM\n"
	       "  8  the module is not loaded\n"
	       "  128+N  ended by signal N",
};

static void show(const struct wr_frame *frame)
{
	size_t i;

	for (i = 0; i < frame->len; i++)
		wr_console_put(frame->data[i]);
}

static void take_frame(struct console *console, const struct wr_frame *frame)
{
	switch (frame->type) {
	case WR_FRAME_OUTPUT:
		show(frame);
		break;
	case WR_FRAME_ENDED:
		wr_client_ended(&console->client, frame);
		wr_stop_request(&console->stop, WR_STOP_POWEROFF, 0, NULL);
		break;
	default:
		break;		/* a request is done */
	}
}

/* Whether all that can be read at once can be shown: showing it would block otherwise. */
static bool has_room(const struct wr_link *link)
{
	return wr_console_room(sizeof(link->in));
}

static size_t poll_link(void *arg, struct pollfd *fds)
{
	const struct console *console = arg;
	const struct wr_link *link = &console->client.link;
	short events = (short)((has_room(link) ? POLLIN : 0) | (link->out_len ? POLLOUT : 0));

	/* poll() tells of a hang-up unasked, which can be read only when there is room. */
	fds[0] = (struct pollfd){ .fd = link->dead || !events ? -1 : link->fd, .events = events };
	return 1;
}

static bool serve_link(void *arg, const struct pollfd *fds)
{
	struct console *console = arg;
	struct wr_link *link = &console->client.link;
	struct wr_frame frame;

	if (wr_console_gone())
		wr_stop_request(&console->stop, WR_STOP_ESCAPE, 0, NULL);
	wr_link_flush(link);
	if (!link->dead && has_room(link) && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		wr_link_read(link);
	while (wr_link_next(link, &frame))
		take_frame(console, &frame);
	if (link->dead)
		wr_stop_request(&console->stop, WR_STOP_CRASH, 0, NULL);
	return false;
}

static void send_input(void *arg)
{
	struct console *console = arg;
	uint8_t buf[WR_FRAME_MAX];
	size_t len;

	if (console->client.link.out_len)
		return;
	len = wr_console_take(buf, sizeof(buf));
	if (len)
		wr_link_put(&console->client.link, WR_FRAME_INPUT, buf, len);
}

static void power_button(void *arg)
{
	struct console *console = arg;

	wr_link_put(&console->client.link, WR_FRAME_POWER_BUTTON, NULL, 0);
}

static void detach(void *arg)
{
	struct console *console = arg;

	wr_stop_request(&console->stop, WR_STOP_ESCAPE, 0, NULL);
}

static void wake(void *arg)
{
	struct console *console = arg;

	wr_wake(console->stop.wake_fd);
}

static int report(const struct console *console)
{
	const char *label = console->client.label;

	switch (console->stop.reason) {
	case WR_STOP_ESCAPE:
		wr_hint("detached from %s", label);
		return WR_STATUS_OK;
	case WR_STOP_POWEROFF:
		wr_hint("%s has ended, with status %u", label, console->client.ended);
		return WR_STATUS_OK;
	case WR_STOP_SIGNAL:
		return 128 + console->stop.value;
	default:
		wr_error("%s: its launcher has gone", label);
		return WR_STATUS_ERROR;
	}
}

/* Not where that would block. */
static void end_line(void)
{
	struct pollfd pollfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (isatty(STDOUT_FILENO) && poll(&pollfd, 1, 0) > 0 && write(STDOUT_FILENO, "\r\n", 2) < 0)
		wr_error("cannot write to the terminal: %s", strerror(errno));
}

static int run(struct console *console)
{
	const struct wr_loop loop = {
		.stop = &console->stop,
		.pump_input = send_input,
		.power_button = power_button,
		.detach = detach,
		.poll = poll_link,
		.serve = serve_link,
		.arg = console,
	};
	int error = wr_client_ask(&console->client, WR_FRAME_ATTACH);

	if (error) {
		if (error == WR_CLIENT_ENDED)
			wr_error("%s has just ended", console->client.label);
		else if (error == WR_CLIENT_HUNG_UP)
			wr_error("%s: its launcher has hung up", console->client.label);
		return WR_STATUS_ERROR;
	}
	wr_hint("attached to %s; Ctrl-a d detaches", console->client.label);
	wr_console_attached();
	if (wr_loop_start(&loop) || wr_console_start(console->stop.wake_fd, wake, console))
		return WR_STATUS_ERROR;
	/* What came right behind the answer is here already: poll() knows nothing of it. */
	serve_link(console, &(struct pollfd){ .fd = -1 });
	wr_loop_run(&loop);
	wr_console_close();
	wr_loop_drain(&loop);
	wr_console_restore();
	end_line();
	return report(console);
}

int wr_cmd_console(int argc, char **argv)
{
	/* Static: the console's writer thread outlives this call. */
	static struct console console;
	const char *who = NULL;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &who))
		return WR_STATUS_USAGE;
	pthread_mutex_init(&console.stop.lock, NULL);
	console.stop.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (console.stop.wake_fd < 0) {
		wr_error("eventfd: %s", strerror(errno));
		return WR_STATUS_ERROR;
	}
	status = wr_client_open(&console.client, who);
	if (status)
		return status;
	status = run(&console);
	wr_link_close(&console.client.link);
	return status;
}
