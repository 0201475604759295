/**
 * The one style sheet of the page. Colours are named by meaning and given for both schemes; they stay apart for people who do not
 * see red and green, and nothing is told by colour alone. No font, image or rule comes from outside.
 */
import { Html } from "./escape.ts";

export type Palette = Readonly<Record<string, string>>;

/** Hues after Okabe and Ito, "Color Universal Design" (2008): blue, orange, reddish purple, bluish green, vermilion. */
export const LIGHT: Palette = {
  paper: "#faf9f6",
  card: "#ffffff",
  ink: "#1c2330",
  soft: "#566070",
  line: "#dedbd3",
  trained: "#0a64a4",
  chip: "#b05a00",
  differs: "#a2125f",
  third: "#4d5a6b",
  good: "#0b6a54",
  "good-paper": "#e6f4ef",
  bad: "#b0261c",
  "bad-paper": "#fcebe8",
};

export const DARK: Palette = {
  paper: "#12151a",
  card: "#1a1e25",
  ink: "#e7eaef",
  soft: "#a7b0bd",
  line: "#333a45",
  trained: "#6cb6f0",
  chip: "#f2ab57",
  differs: "#ff8cc4",
  third: "#b3bdcb",
  good: "#62d2b1",
  "good-paper": "#12302a",
  bad: "#ff9b8f",
  "bad-paper": "#3b1d1a",
};

const variables = (palette: Palette) =>
  Object.entries(palette)
    .map(([name, color]) => `--${name}:${color}`)
    .join(";");

const PAGE = `
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,header,footer{max-width:1160px;margin:0 auto;padding:0 clamp(16px,4vw,40px)}
h1,h2,h3,h4{line-height:1.25;text-wrap:balance;overflow-wrap:anywhere}
h1{font-size:clamp(1.75rem,4.5vw,2.6rem);letter-spacing:-.02em;margin:.1em 0 .4em}
h2{font-size:1.5rem;letter-spacing:-.01em;margin:0 0 .35em}
h3{font-size:1.12rem;margin:2em 0 .4em}
h4{font-size:1rem;margin:1.6em 0 .3em}
p{max-width:70ch;margin:.5em 0 1em;overflow-wrap:anywhere}
a{color:var(--trained)}
code,pre{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{unicode-bidi:isolate;overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;overflow-x:auto;max-width:100%}
:focus-visible{outline:2px solid var(--trained);outline-offset:2px}
.soft,.note{color:var(--soft)}
.note{font-size:.88rem;margin:.4em 0 0}
.eyebrow{margin:0;padding-top:clamp(24px,5vw,56px);color:var(--soft);overflow-wrap:anywhere}
.skip{position:absolute;left:-9999px}
.skip:focus{left:8px;top:8px;background:var(--card);padding:8px}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:24px 0 0;padding:12px 0;border-top:1px solid var(--line)}
nav a{text-decoration:none;overflow-wrap:anywhere}
nav a:hover{text-decoration:underline}
section{padding:36px 0 12px;border-top:1px solid var(--line)}
footer{overflow-wrap:anywhere;color:var(--soft);font-size:.9rem;padding-top:20px;padding-bottom:48px}
`;

const PARTS = `
.verdict{display:flex;gap:16px;align-items:flex-start;border-radius:14px;padding:18px 22px;margin:8px 0 20px;background:var(--card);border:1px solid var(--line)}
.verdict.pass{background:var(--good-paper);border-color:var(--good)}
.verdict.fail{background:var(--bad-paper);border-color:var(--bad)}
.verdict svg{flex:none;width:44px;height:44px;margin-top:2px}
.verdict p{margin:.2em 0}
.verdict .says{font-size:clamp(1.2rem,3vw,1.6rem);font-weight:650;line-height:1.3}
.pass .icon,.badge.pass{color:var(--good)}
.fail .icon,.badge.fail{color:var(--bad)}
.badge{display:inline-flex;align-items:center;vertical-align:bottom;gap:6px;font-weight:650;white-space:nowrap}
.badge svg{width:18px;height:18px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:18px;margin:18px 0 30px}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:18px 20px;min-width:0}
.card h3{margin:0;display:flex;flex-wrap:wrap;justify-content:space-between;gap:4px 12px}
.card p{margin:.5em 0}
.card h4{display:flex;flex-wrap:wrap;justify-content:space-between;gap:4px 12px}
.card.plain{max-width:560px;padding-top:8px;margin:18px 0}
dl.numbers{display:grid;grid-template-columns:fit-content(60%) 1fr;gap:6px 16px;margin:12px 0 0}
dl.numbers dt{color:var(--soft)}
dl.numbers dd{margin:0;text-align:right;font-variant-numeric:tabular-nums;font-weight:600}
ol.story{list-style:none;counter-reset:step;margin:18px 0;padding:0;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,240px),1fr));gap:18px 28px}
ol.story li{counter-increment:step;border-top:3px solid var(--trained);padding-top:10px}
ol.story li::before{content:counter(step);font-weight:700;color:var(--trained);margin-right:8px}
ol.story strong{font-size:1.06rem}
ol.story p{margin:.3em 0}
ul.checks,ul.plain{padding:0;list-style:none;margin:12px 0}
ul.checks li{display:grid;grid-template-columns:20px 1fr;gap:10px;padding:7px 0;border-bottom:1px solid var(--line)}
ul.checks span{min-width:0;overflow-wrap:anywhere}
ul.checks svg{width:18px;height:18px;margin-top:4px}
ul.plain li{padding:3px 0 3px 18px;position:relative;max-width:74ch;overflow-wrap:anywhere}
ul.plain li::before{content:"–";position:absolute;left:0;color:var(--soft)}
.scroll{overflow-x:auto;margin:0 0 20px;border:1px solid var(--line);border-radius:10px;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.92rem}
.caption{color:var(--soft);font-size:.92rem;margin:18px 0 6px;max-width:none}
th,td{padding:8px 14px;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
th{font-weight:600;white-space:nowrap}
thead th{color:var(--soft);border-top:0}
.off{color:var(--differs)}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.wide{min-width:240px}
td code.hash{font-size:.78rem;color:var(--soft);word-break:break-all}
tr.differs th{box-shadow:inset 3px 0 var(--differs)}
.severity{font-weight:600}
details{margin:12px 0}
summary{cursor:pointer;padding:4px 0;overflow-wrap:anywhere}
dl.words dt{font-weight:600;margin-top:.6em}
dl.words dd{margin:0;max-width:70ch}
`;

const CHARTS = `
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:22px 28px;margin:14px 0 26px}
figure{margin:0;min-width:0;max-width:520px;break-inside:avoid}
figcaption{font-weight:600;margin-bottom:6px;overflow-wrap:anywhere}
svg.chart{display:block;width:100%;height:auto;overflow:visible;font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
figure.picture{max-width:180px}
svg.chart text{fill:var(--ink)}
svg.chart .ticks text{fill:var(--soft);font-size:12.5px;font-variant-numeric:tabular-nums}
svg.chart .label,svg.chart .empty{fill:var(--soft);font-size:12.5px}
svg.chart .value{font-size:12px;font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1;fill:none}
.axis{stroke:var(--soft);stroke-width:1;fill:none}
.wide-picture{overflow-x:auto;margin:14px 0}
.wide-picture figure{max-width:940px;min-width:640px}
.box rect{fill:var(--card);stroke:var(--line);stroke-width:1.4}
.box.spiking rect{fill:var(--good-paper);stroke:var(--good)}
.box .kind{font-weight:600}
.trained{--tone:var(--trained)}
.chip{--tone:var(--chip)}
.third{--tone:var(--third)}
.differs{--tone:var(--differs)}
.stroke{stroke:var(--tone);stroke-width:2;fill:none;stroke-linejoin:round;stroke-linecap:round}
.dashed{stroke-dasharray:6 5}
.under{stroke-width:5;opacity:.35}
.square{fill:none;stroke:var(--tone);stroke-width:1.6}
.fill{fill:var(--tone)}
.spikes{stroke:var(--tone);fill:none}
.mark{fill:var(--tone);stroke:var(--tone);stroke-width:1.4}
.mark.hollow{fill:var(--card)}
.cell{fill:none;stroke:var(--line);stroke-width:.6}
.right{fill:var(--trained)}
.wrong{fill:var(--chip)}
svg.chart .count{font-size:12.5px;font-variant-numeric:tabular-nums;pointer-events:none}
rect.picture{fill:#000}
ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:6px 0 0;padding:0;font-size:.9rem;color:var(--soft)}
ul.legend li{display:flex;align-items:center;gap:7px}
svg.swatch{width:22px;height:12px;flex:none}
.look{display:grid;grid-template-columns:auto 1fr;gap:8px 28px;align-items:start}
@media(max-width:560px){.look{grid-template-columns:1fr}.verdict{padding:14px 16px;gap:12px}.verdict svg{width:32px;height:32px}}
`;

/** Paper is white whatever the screen was, and folded parts are opened where the browser can. */
const PRINT = `
@media print{:root{${variables({ ...LIGHT, paper: "#ffffff" })}}
html{color-scheme:light}body{font-size:11pt}nav,.skip{display:none}
section{padding:18px 0 6px}.card,.verdict,tr,ul.checks li{break-inside:avoid}h2,h3,h4{break-after:avoid}
.scroll{overflow:visible}pre{white-space:pre-wrap}
details::details-content{content-visibility:visible;display:block;height:auto}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;

export const STYLE = new Html(
  `:root{${variables(LIGHT)}}@media(prefers-color-scheme:dark){:root{${variables(DARK)}}}${PAGE}${PARTS}${CHARTS}${PRINT}`.replace(
    /\n/g,
    "",
  ),
);
