/** The recurring pieces of a page: sections, tables, check marks, lists. */
import { type Content, type Html, html } from "../escape.ts";

export interface Section {
  /** Anchor; made by the program, never from data. */
  id: string;
  title: string;
  body: Content;
}

export function sectionHtml({ id, title, body }: Section): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>`;
}

export interface Column {
  title: string;
  numeric?: boolean;
  /** Holds sentences: gets room. */
  wide?: boolean;
}

export interface Row {
  cells: readonly Content[];
  /** Marks rows that need a look. */
  differs?: boolean;
}

/** A table that scrolls sideways inside its own frame when it does not fit. The first cell of a row names it. */
export function table(caption: string, columns: readonly Column[], rows: readonly Row[]): Html {
  const kind = (column: Column) => (column.numeric ? "number" : column.wide ? "wide" : "text");
  const head = columns.map((column) => html`<th scope="col" class="${kind(column)}">${column.title}</th>`);
  const body = rows.map(({ cells, differs }) => {
    const written = cells.map((cell, i) =>
      i === 0 ? html`<th scope="row">${cell}</th>` : html`<td class="${kind(columns[i]!)}">${cell}</td>`,
    );
    return html`<tr class="${differs ? "differs" : "same"}">${written}</tr>`;
  });
  return html`<p class="caption">${caption}</p><div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table aria-label="${caption}"><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A tick or a cross in a circle, drawn; the word that says the same stands beside it. */
export function icon(passed: boolean): Html {
  const sign = passed ? "M7 12.5l3.4 3.4L17 9" : "M8 8l8 8M16 8l-8 8";
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="11" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="${sign}" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
}

export function badge(passed: boolean): Html {
  return html`<span class="badge ${passed ? "pass" : "fail"}">${icon(passed)}${passed ? "kept" : "broken"}</span>`;
}

export function plainList(items: readonly Content[]): Html {
  return html`<ul class="plain">${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

export function numbersList(entries: readonly (readonly [name: string, value: Content])[]): Html {
  return html`<dl class="numbers">${entries.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** Names as prose: `a`, `a and b`, `a, b and c`. */
export function enumerate(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)!}`;
}
