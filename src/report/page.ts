/** One self-contained page from the data of a run: no script, no font, no picture and no address outside of it. */
import { writeFileAtomic } from "../core/index.ts";
import { parseReportData, type ReportData } from "./data.ts";
import { html } from "./escape.ts";
import { confusionSection } from "./sections/confusion.ts";
import { headline, headlineOf } from "./sections/headline.ts";
import { detailsSection, methodSection } from "./sections/method.ts";
import { networkSection } from "./sections/network.ts";
import { type Section, sectionHtml } from "./sections/parts.ts";
import { storySection } from "./sections/story.ts";
import { targetSection } from "./sections/target.ts";
import { trainingSection } from "./sections/training.ts";
import { STYLE } from "./style.ts";

/** The browser itself refuses to load or run anything, should markup ever get in. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

function sectionsOf(data: ReportData): Section[] {
  return [
    storySection(data),
    networkSection(data),
    ...(data.training.length > 0 ? [trainingSection(data)] : []),
    ...(data.confusion.length > 0 ? [confusionSection(data)] : []),
    ...data.targets.map((target, i) => targetSection(data, target, i)),
    methodSection(),
    detailsSection(data),
  ];
}

/** The page as text. The same data gives the same bytes. @throws OPTION when the data is not valid. */
export function renderReport(data: ReportData): string {
  const checked = parseReportData(data);
  const sections = sectionsOf(checked);
  const links = sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${headlineOf(checked.targets)}">
<link rel="icon" href="data:,">
<title>${checked.title}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#story">To the story</a>
${headline(checked)}
<main>
<nav aria-label="On this page"><ul>${links}</ul></nav>
${sections.map((section) => html`${sectionHtml(section)}\n`)}</main>
<footer>Made by ${checked.producer}. This page is complete in itself: it loads nothing and runs no program.</footer>
</body>
</html>
`;
  return page.text;
}

/** Writes the page. @throws WRITE, and OPTION when the data is not valid. */
export function writeReport(path: string, data: ReportData): void {
  writeFileAtomic(path, renderReport(data));
}
