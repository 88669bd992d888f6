/**
 * The page's looks. Colours are of the Okabe-Ito family and never the only sign: kinds differ by the edge of the bar too, what cannot be placed is
 * hatched and crossed, what has no answer fades out.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --ink: #17202b; --dim: #55616f; --line: #d9dee5; --faint: #eceff3; --accent: #0b5cad;
  --read: #d3e7f8; --read-edge: #1f71b5; --write: #fbe6bb; --write-edge: #a66f00; --conditional: #e4daf4; --conditional-edge: #7048b0;
  --bad: #c2300c; --bad-soft: #fdebe5; --good: #00684d; --good-soft: #e2f4ee; --unsure: #7a5300; --unsure-soft: #fbf1da;
  --beyond: #eef0f3; --beyond-edge: #8a95a3; --point: #17202b; --point-ink: #ffffff; --focus: #0b5cad;
  --sans: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151c; --card: #182029; --ink: #e8edf3; --dim: #a3b0be; --line: #313c49; --faint: #222c37; --accent: #78b8f2;
    --read: #16405f; --read-edge: #5fb0ec; --write: #4d3a0d; --write-edge: #e5ae3c; --conditional: #3c2c5c; --conditional-edge: #b697ea;
    --bad: #ff8560; --bad-soft: #3c1e17; --good: #4fd1a5; --good-soft: #12342b; --unsure: #eebf57; --unsure-soft: #382c12;
    --beyond: #242d38; --beyond-edge: #77838f; --point: #f2f5f8; --point-ink: #10151c; --focus: #8cc6ff;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 var(--sans); }
main { max-width: 1680px; margin: 0 auto; padding: 20px clamp(12px, 2.2vw, 32px) 40px; }
h1, h2, h3, p, ol, ul, dl, dd { margin: 0; padding: 0; }
button, input, select { font: inherit; color: inherit; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 6px; }
code { font-family: var(--mono); font-size: .92em; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.over { font-size: 13px; color: var(--dim); margin-bottom: 8px; display: flex; flex-wrap: wrap; gap: 2px 14px; }
.over b { color: var(--ink); font-weight: 600; }
.over span, .over b { overflow-wrap: anywhere; }

.verdict { display: grid; grid-template-columns: auto 1fr; gap: 2px 16px; padding: 16px 20px; border-left-width: 6px; align-items: start; }
.verdict svg { width: 44px; height: 44px; grid-row: span 4; margin-top: 2px; }
.verdict h1 { font-size: 25px; line-height: 1.25; letter-spacing: -.01em; }
.verdict p { font-size: 16px; max-width: 110ch; overflow-wrap: anywhere; }
.verdict #longest { font-size: 14.5px; color: var(--dim); } .verdict .facts { font-size: 13.5px; color: var(--dim); margin-top: 4px; }
.verdict.bad { border-left-color: var(--bad); } .verdict.bad h1, .verdict.bad svg { color: var(--bad); }
.verdict.good { border-left-color: var(--good); } .verdict.good h1, .verdict.good svg { color: var(--good); }
.verdict.unsure { border-left-color: var(--unsure); } .verdict.unsure h1, .verdict.unsure svg { color: var(--unsure); }

.parts { margin-top: 14px; display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
.parts h2, .bar h2 { font-size: 13px; font-weight: 600; color: var(--dim); margin-right: 4px; }
.parts input { border: 1px solid var(--line); background: var(--card); border-radius: 8px; padding: 3px 9px; width: 130px; }
.parts ul { display: contents; list-style: none; }
.parts small { color: var(--dim); }
.part { border: 1px solid var(--line); background: var(--card); border-radius: 999px; padding: 2px 12px 2px 8px; cursor: pointer; display: inline-flex; gap: 7px; align-items: center; max-width: 320px; }
.part span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-family: var(--mono); font-size: 13px; }
.part small { white-space: nowrap; }
.part i { font-style: normal; font-weight: 700; }
.part.bad i { color: var(--bad); } .part.good i { color: var(--good); } .part.unsure i { color: var(--unsure); }
.part:hover { border-color: var(--dim); }
.part[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }

.bar { margin: 14px 0 8px; display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; }
.group { display: inline-flex; border: 1px solid var(--line); border-radius: 9px; background: var(--card); overflow: hidden; }
.group button { border: 0; background: none; padding: 5px 12px; cursor: pointer; border-right: 1px solid var(--line); font-size: 14px; }
.group button:last-child { border-right: 0; }
.group button:hover:not([aria-pressed=true]) { background: var(--faint); }
.group button[aria-pressed=true] { background: var(--accent); color: var(--card); }
.group button:disabled { opacity: .45; cursor: default; }
.group button:focus-visible { outline-offset: -3px; border-radius: 9px; }
.spring { flex: 1; }

.board { display: grid; grid-template-columns: minmax(0, 1fr) 372px; gap: 14px; align-items: start; }
.chart-card { min-width: 0; overflow: hidden; }
.chart { overflow: auto; position: relative; border-radius: 12px 12px 0 0; overscroll-behavior-x: contain; }
.chart svg { position: sticky; left: 0; top: 0; display: block; font-family: var(--mono); font-size: 12px; touch-action: pan-x pan-y; }
.chart svg:focus { outline: none; }
.chart-card:has(svg:focus-visible) { outline: 3px solid var(--focus); outline-offset: 1px; }
.note { padding: 7px 14px; font-size: 13px; color: var(--dim); border-top: 1px solid var(--line); min-height: 34px; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; padding: 9px 14px; border-top: 1px solid var(--line); font-size: 13px; color: var(--dim); list-style: none; }
.legend li { display: inline-flex; gap: 7px; align-items: center; }
.legend svg { width: 34px; height: 18px; flex: none; }

.lane-a { fill: var(--card); } .lane-b { fill: var(--page); }
.axis-back, .gutter { fill: var(--card); }
.rule { stroke: var(--line); stroke-width: 1; }
.tick { stroke: var(--line); stroke-width: 1; stroke-dasharray: 2 4; }
.axis-text { fill: var(--dim); font-size: 11.5px; font-family: var(--sans); }
.lane-text { fill: var(--ink); font-weight: 600; font-size: 12.5px; font-family: var(--sans); }
.cut { fill: var(--faint); }
.cut-mark { stroke: var(--beyond-edge); stroke-width: 1.3; fill: none; }
.op { cursor: pointer; }
.op rect, .op path, .block { stroke-width: 1.4; }
.read .body, .block.read, .legend .read { fill: var(--read); stroke: var(--read-edge); }
.write .body, .block.write, .legend .write { fill: var(--write); stroke: var(--write-edge); }
.conditional .body, .block.conditional, .legend .conditional { fill: var(--conditional); stroke: var(--conditional-edge); }
.edge { stroke-width: 4; fill: none; }
.read .edge { stroke: var(--read-edge); } .write .edge { stroke: var(--write-edge); } .conditional .edge { stroke: var(--conditional-edge); }
.op .edge, .legend .edge { stroke-width: 2; }
.label { pointer-events: none; }
.label text { fill: var(--ink); paint-order: stroke; stroke-width: 3px; stroke-linejoin: round; }
.label.read text { stroke: var(--read); } .label.write text { stroke: var(--write); } .label.conditional text { stroke: var(--conditional); }
.label.past text { stroke: var(--card); }
.stuck .body, .legend .stuck { fill: url(#hatch); stroke: var(--bad); stroke-width: 2.4; stroke-dasharray: 6 3; }
.involved .body { stroke: var(--bad); stroke-width: 2.4; stroke-dasharray: 6 3; }
.stuck .edge, .beyond .edge { stroke: none; }
.label.stuck text { font-weight: 700; paint-order: stroke; stroke: var(--bad-soft); stroke-width: 5px; stroke-linejoin: round; }
.stuck .cross { fill: var(--bad); }
.stuck .cross-line { stroke: var(--card); stroke-width: 2.2; stroke-linecap: round; }
.beyond .body, .legend .beyond { fill: var(--beyond); stroke: var(--beyond-edge); stroke-dasharray: 2 3; }
.label.beyond text { fill: var(--dim); }
.block { stroke: none; } .block.stuck { fill: var(--bad); } .block.beyond { fill: var(--beyond-edge); } .block.read { fill: var(--read-edge); } .block.write { fill: var(--write-edge); } .block.conditional { fill: var(--conditional-edge); }
.op.current .body { stroke-width: 3; } .ring { fill: none; stroke: var(--focus); stroke-width: 2.5; }
.thread { fill: none; stroke: var(--point); stroke-width: 1.8; opacity: .62; stroke-linejoin: round; pointer-events: none; }
.end-line { stroke: var(--bad); stroke-width: 1.6; stroke-dasharray: 3 4; }
.end-text { fill: var(--bad); font-family: var(--sans); font-size: 12px; font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.guide { stroke: var(--focus); stroke-width: 1.4; stroke-dasharray: 5 3; pointer-events: none; }
.point { pointer-events: none; }
.point rect { fill: var(--point); stroke: var(--card); stroke-width: 1.6; }
.point text { fill: var(--point-ink); font-size: 10.5px; font-weight: 700; text-anchor: middle; font-family: var(--sans); }
.point.current rect { fill: var(--focus); stroke-width: 2; } .point.current text { fill: var(--card); }

.steps-card { display: flex; flex-direction: column; min-height: 0; overflow: hidden; }
.steps-card h2 { font-size: 15px; padding: 11px 14px 0; }
.steps-card > p { font-size: 13px; color: var(--dim); padding: 0 14px 9px; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.steps { overflow: auto; position: relative; }
.steps:focus-visible { outline-offset: -3px; }
.step { position: absolute; left: 0; right: 0; height: 46px; padding: 4px 12px 4px 8px; display: grid; grid-template-columns: 42px 1fr; column-gap: 8px; cursor: pointer; border-bottom: 1px solid var(--faint); font-size: 13px; line-height: 19px; }
.step b { grid-row: span 2; letter-spacing: -.02em; align-self: center; justify-self: end; min-width: 22px; padding: 0 5px; text-align: center; border-radius: 11px; background: var(--point); color: var(--point-ink); font-size: 12px; }
.step div { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; min-width: 0; }
.step .what { font-family: var(--mono); font-size: 12.5px; } .step .what span { font-family: var(--sans); color: var(--dim); margin-right: 7px; font-weight: 600; font-size: 12px; }
.step .then { color: var(--dim); font-size: 12.5px; }
.step.involved b, .step.stuck b { background: var(--bad); color: var(--card); } .step.stuck .then { color: var(--bad); }
.step.beyond b, .step.open b { background: none; color: var(--dim); border: 1.5px dashed var(--beyond-edge); line-height: 18px; }
.left-out { padding: 6px 14px; color: var(--dim); font-size: 13px; }
.step:hover { background: var(--faint); }
.step[aria-selected=true] { background: var(--faint); box-shadow: inset 4px 0 0 var(--focus); }

.tip { position: fixed; z-index: 9; pointer-events: none; max-width: min(430px, 92vw); background: var(--ink); color: var(--card); border-radius: 9px; padding: 8px 12px; font-size: 13px; line-height: 1.45; box-shadow: 0 6px 24px #0005; overflow-wrap: anywhere; }
.tip strong { font-family: var(--mono); font-weight: 600; display: block; font-size: 13px; }
.tip div { opacity: .86; } .tip .why { opacity: 1; font-weight: 600; }
.tip[hidden] { display: none; }
details.keys { margin-top: 14px; font-size: 13.5px; color: var(--dim); }
details.keys dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 14px; margin-top: 8px; }
kbd { font: 12px var(--mono); border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 5px; padding: 0 6px; background: var(--card); color: var(--ink); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
noscript .card { display: block; padding: 14px 20px; margin-top: 14px; }
noscript li { margin-left: 28px; }

@media (max-width: 1000px) { .board { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 560px) {
  .verdict { padding: 12px 14px; gap: 2px 12px; } .verdict h1 { font-size: 21px; } .verdict p { font-size: 15px; } .verdict svg { width: 32px; height: 32px; }
  .group button { padding: 5px 9px; font-size: 13px; }
}
@media (prefers-reduced-motion: no-preference) { .part, .group button { transition: background .12s, border-color .12s; } }
@media (forced-colors: active) { .op .body { stroke: CanvasText; fill: Canvas; } .stuck .body { stroke: Mark; } .label text { fill: CanvasText; } }
@media print {
  :root {
    color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --dim: #444; --line: #bbb; --faint: #eee; --accent: #000; --point: #000; --point-ink: #fff;
    --read: #d3e7f8; --read-edge: #1f71b5; --write: #fbe6bb; --write-edge: #a66f00; --conditional: #e4daf4; --conditional-edge: #7048b0;
    --bad: #b02a08; --bad-soft: #fdebe5; --good: #00684d; --unsure: #7a5300; --beyond: #eef0f3; --beyond-edge: #777; --focus: #000;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { size: A4 landscape; margin: 12mm; }
  body { font-size: 11pt; } main { padding: 0; max-width: none; }
  .bar, .tip, details.keys, .parts input { display: none; }
  .board { display: block; margin-top: 14px; } .chart, .steps { overflow: visible; height: auto !important; max-height: none !important; }
  .chart > div { width: auto !important; height: auto !important; }
  .chart svg { position: static; width: 100%; height: auto; max-height: 150mm; }
  .chart-card, .step, .verdict { break-inside: avoid; }
  .steps-card { margin-top: 12px; } .steps > div { height: auto !important; } .step { position: static; height: auto; } .step div { white-space: normal; }
  .steps { columns: 2; column-gap: 18px; }
}
`
