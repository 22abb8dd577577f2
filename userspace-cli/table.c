// SPDX-License-Identifier: GPL-2.0-only
/* Aligned columns, and colour where it is wanted. */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "status.h"

struct wr_cell {
	char *text;
	enum wr_colour colour;
};

bool wr_colours(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

const char *wr_paint(enum wr_colour colour)
{
	static const char * const sequences[] = {
		[WR_COLOUR_NONE] = "\033[0m",
		[WR_COLOUR_BOLD] = "\033[1m",
		[WR_COLOUR_RED] = "\033[31m",
		[WR_COLOUR_GREEN] = "\033[32m",
		[WR_COLOUR_YELLOW] = "\033[33m",
	};

	return wr_colours() ? sequences[colour] : "";
}

void wr_table_cell(struct wr_table *table, enum wr_colour colour, const char *fmt, ...)
{
	struct wr_cell *cells, *cell;
	va_list args;

	if (table->failed)
		return;
	cells = realloc(table->cells, (table->nr_cells + 1) * sizeof(*cells));
	if (!cells) {
		table->failed = true;
		return;
	}
	table->cells = cells;
	cell = &cells[table->nr_cells];
	cell->colour = colour;
	va_start(args, fmt);
	table->failed = vasprintf(&cell->text, fmt, args) < 0;
	va_end(args);
	table->nr_cells += !table->failed;
}

static size_t column_width(const struct wr_table *table, size_t column, bool head)
{
	size_t width = head ? strlen(table->columns[column].title) : 0, i;

	for (i = column; i < table->nr_cells; i += table->nr_columns)
		if (strlen(table->cells[i].text) > width)
			width = strlen(table->cells[i].text);
	return width;
}

/* One cell, its padding and what separates it from the next; *left is what the line has room for. */
static void print_cell(const char *text, enum wr_colour colour, bool right, bool last,
		       size_t width, size_t *left)
{
	size_t len = strlen(text), pad = width - len;
	size_t before = right ? pad : 0, after = last ? 0 : (right ? 0 : pad) + 2;

	before = before < *left ? before : *left;
	*left -= before;
	len = len < *left ? len : *left;
	*left -= len;
	after = after < *left ? after : *left;
	*left -= after;
	printf("%*s%s%.*s%s%*s", (int)before, "", colour ? wr_paint(colour) : "", (int)len, text,
	       colour ? wr_paint(WR_COLOUR_NONE) : "", (int)after, "");
}

static void print_row(const struct wr_table *table, const struct wr_cell *cells,
		      const size_t *widths, size_t left)
{
	size_t i, used = table->nr_columns;

	/* Nothing is padded that nothing follows. */
	while (used > 1 && !*(cells ? cells[used - 1].text : table->columns[used - 1].title))
		used--;
	for (i = 0; i < used; i++) {
		const char *text = cells ? cells[i].text : table->columns[i].title;

		print_cell(text, cells ? cells[i].colour : WR_COLOUR_BOLD, table->columns[i].right,
			   i + 1 == used, widths[i], &left);
	}
	printf("%s\n", table->eol ? table->eol : "");
}

static void free_cells(struct wr_table *table)
{
	size_t i;

	for (i = 0; i < table->nr_cells; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->nr_cells = 0;
}

int wr_table_print(struct wr_table *table, bool head, size_t width)
{
	size_t widths[WR_TABLE_COLUMNS], i;
	bool failed = table->failed;

	if (!width)
		width = SIZE_MAX;
	for (i = 0; i < table->nr_columns; i++)
		widths[i] = column_width(table, i, head);
	if (head && !failed)
		print_row(table, NULL, widths, width);
	for (i = 0; i + table->nr_columns <= table->nr_cells && !failed; i += table->nr_columns)
		print_row(table, &table->cells[i], widths, width);
	free_cells(table);
	if (failed) {
		wr_error("there is not enough memory");
		return WR_STATUS_ERROR;
	}
	return 0;
}
