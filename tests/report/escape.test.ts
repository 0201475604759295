/** Nothing that comes from a file can become markup. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeText, html } from "../../src/report/escape.ts";

describe("escapeText", () => {
  it("escapes what could open a tag, an entity or leave an attribute", () => {
    expect(escapeText(`<script a="1" b='2'>&amp;`)).toBe("&lt;script a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;");
  });

  it("leaves no markup of any text, and loses nothing of readable text", () => {
    const entities: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&amp;": "&" };
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const escaped = escapeText(text);
        expect(escaped).not.toMatch(/[<>"']/);
        expect(escaped.replace(/&(lt|gt|quot|#39|amp);/g, (entity) => entities[entity]!)).toBe(
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these are replaced on purpose
          text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g, "\ufffd"),
        );
      }),
    );
  });

  it("makes control characters and halves of surrogate pairs visible", () => {
    expect(escapeText("a\u0000b\u001bc\ud800d")).toBe("a\ufffdb\ufffdc\ufffdd");
    expect(escapeText("tab\tline\n😀")).toBe("tab\tline\n😀");
  });
});

describe("html", () => {
  it("escapes values, keeps markup made by itself, joins lists and drops null", () => {
    const item = (name: string) => html`<li title="${name}">${name}</li>`;
    expect(html`<ul>${["a", '"><b>'].map(item)}${null}</ul>`.text).toBe(
      '<ul><li title="a">a</li><li title="&quot;&gt;&lt;b&gt;">&quot;&gt;&lt;b&gt;</li></ul>',
    );
  });

  it("writes numbers with two decimals at most", () => {
    expect(html`${1 / 3} ${2} ${-0.001}`.text).toBe("0.33 2 0");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %d", (value) => {
    expect(() => html`<path d="M${value} 0"/>`).toThrow(expect.objectContaining({ code: "VALUE" }));
  });
});
