/** The report's looks: quiet, one column of text, drawings as wide as they need. */
import { DARK_COLOURS, DRAWING_STYLE, LIGHT_COLOURS } from './palette.ts'

const LIGHT_PAGE =
  '--page:#f6f7f9;--accent:#0b5cad;--good:#00684d;--good-soft:#e6f4ef;--soft:#f3f5f7;--bad-soft:#fbece7;'
const DARK_PAGE =
  '--page:#10151c;--accent:#7dbbf5;--good:#4fd1a5;--good-soft:#12342b;--soft:#1d2630;--bad-soft:#3a2019;'

/** The reader's own choice, by the button, wins over the system's. */
export const STYLE = `
:root{color-scheme:light;${LIGHT_COLOURS}${LIGHT_PAGE}
--sans:system-ui,-apple-system,"Segoe UI","Helvetica Neue","Liberation Sans",Arial,sans-serif;--mono:ui-monospace,"SF Mono","Cascadia Mono","DejaVu Sans Mono",Menlo,Consolas,monospace}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${DARK_COLOURS}${DARK_PAGE}}}
:root[data-theme=dark]{color-scheme:dark;${DARK_COLOURS}${DARK_PAGE}}
*{box-sizing:border-box}[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%;scroll-padding-top:64px}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.6 var(--sans)}
h1,h2,h3,p,ul,ol,dl,dd,figure{margin:0;padding:0}
a{color:var(--accent)}button{font:inherit;color:inherit}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:6px}
code,pre{font-family:var(--mono);font-size:.88em}
.skip{position:absolute;left:-999px}.skip:focus{left:12px;top:12px;background:var(--card);padding:6px 12px;z-index:3}
header.top,main,footer{max-width:1120px;margin:0 auto;padding:0 clamp(16px,4vw,40px)}
header.top{padding-top:44px}
header.top .row{display:flex;gap:16px;align-items:flex-start;justify-content:space-between}
.over{color:var(--dim);font-size:14px;letter-spacing:.02em}
h1{font-size:clamp(28px,4.600vw,42px);line-height:1.15;letter-spacing:-.022em;margin-top:4px;font-weight:680}
.sub{color:var(--dim);max-width:70ch;margin-top:12px;font-size:17px}
.buttons{display:flex;gap:8px;flex:none}
.buttons button{border:1px solid var(--line);background:var(--card);border-radius:9px;padding:6px 12px;font-size:14px;cursor:pointer}
.buttons button:hover{border-color:var(--dim)}
nav.toc{position:sticky;top:0;z-index:2;background:color-mix(in srgb,var(--page) 92%,transparent);backdrop-filter:blur(8px);border-bottom:1px solid var(--line);margin-top:32px}
nav.toc ul{max-width:1120px;margin:0 auto;padding:0 clamp(16px,4vw,40px);display:flex;gap:4px 22px;list-style:none;overflow-x:auto;scrollbar-width:none;white-space:nowrap}
nav.toc a{display:block;padding:12px 0 11px;color:var(--dim);text-decoration:none;font-size:14px;border-bottom:2px solid transparent}
nav.toc a:hover,nav.toc a[aria-current]{color:var(--ink);border-bottom-color:var(--accent)}
section{padding-top:56px}
h2{font-size:26px;letter-spacing:-.015em;line-height:1.25;font-weight:660}
h3{font-size:17px;line-height:1.4;font-weight:640}
.lead{color:var(--dim);max-width:74ch;margin-top:8px}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:20px 24px;margin-top:20px;min-width:0}
.cards{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:20px;margin-top:20px}.cards .card{margin-top:0}
figure figcaption{font-weight:640;font-size:16px;margin-bottom:12px}
figcaption small,small{color:var(--dim);font-weight:400;font-size:13px;margin-left:6px}
.remark{color:var(--dim);font-size:14.500px;margin:-6px 0 12px;max-width:76ch}.card>h3+.remark{margin-top:2px}
.drawing svg{display:block;max-width:100%;height:auto;overflow:visible}.drawing .narrow{display:none}
.block>.card+.card{border-top-left-radius:0;border-top-right-radius:0;margin-top:-1px;padding-top:8px;padding-bottom:12px}.block>figure.card{border-bottom-left-radius:0;border-bottom-right-radius:0}.block>figure.card:only-child{border-radius:14px}
.block>figure.card:has(+.remarks){border-radius:14px 14px 0 0}
.remarks{background:var(--card);border:1px solid var(--line);border-top:0;border-radius:0 0 14px 14px;padding:12px 24px 14px 42px;font-size:14.500px;color:var(--dim)}
.findings{list-style:none;display:grid;gap:0;padding:4px 24px}
.findings li{display:grid;grid-template-columns:26px 1fr;gap:8px;padding:11px 0;border-bottom:1px solid var(--faint)}.findings li:last-child{border-bottom:0}
.findings i{font-style:normal;font-weight:700;line-height:1.6;text-align:center}
.findings .ours i{color:var(--good)}.findings .theirs i{color:var(--bad)}.findings .note i{color:var(--dim)}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;color:var(--dim);font-size:14px;margin-top:10px}.key b{margin-right:5px}.key .good{color:var(--good)}.key .bad{color:var(--bad)}
.goals td.words,.goals thead th:nth-child(2){text-align:left}.goals td.words{padding-left:12px}.goals td:last-child{font-weight:640}.goals tbody th{border-bottom:0;max-width:260px}.goals tbody tr.first:not(:first-child)>*{border-top:1px solid var(--line)}.goals .met{color:var(--good)}.goals .missed{color:var(--bad)}
.notice{background:var(--bad-soft);border:1px solid color-mix(in srgb,var(--bad) 35%,transparent);border-radius:12px;padding:12px 18px;margin-top:20px}
.scroll{overflow-x:auto;border-radius:4px}
table{border-collapse:collapse;width:100%;font-size:14.500px;font-variant-numeric:tabular-nums;line-height:1.45}
th,td{padding:8px 12px;text-align:right;border-bottom:1px solid var(--faint);vertical-align:top}
thead th{color:var(--dim);font-weight:560;font-size:13.500px;border-bottom:1px solid var(--line);vertical-align:bottom}
th:first-child,td:first-child{text-align:left;padding-left:0}tbody th{font-weight:560;min-width:150px}tbody tr:last-child>*{border-bottom:0}td b{color:var(--ink)}td{white-space:nowrap}td.long{white-space:normal;text-align:left;min-width:260px}
table.words td{text-align:left;white-space:normal}table.words thead th{text-align:left}
details{margin-top:12px;font-size:14.500px}summary{cursor:pointer;color:var(--dim);width:max-content;padding:2px 0}summary:hover{color:var(--ink)}details[open]>summary{margin-bottom:6px}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:6px 22px}dl.facts dt{color:var(--dim)}dl.facts dd{overflow-wrap:anywhere}
.system{padding:14px 0;border-bottom:1px solid var(--faint)}.system:last-child{border-bottom:0}
.system h3{display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}.dot{width:11px;height:11px;border-radius:50%;background:var(--c);flex:none;align-self:center}
.system p{color:var(--dim);font-size:14.500px;margin-top:2px}
.system pre{margin:8px 0 0;padding:10px 14px;background:var(--soft);border-radius:8px;overflow-x:auto;line-height:1.5}
.problems{padding-left:22px}.problems li{padding:3px 0;overflow-wrap:anywhere}
footer{color:var(--dim);font-size:14px;padding-top:48px;padding-bottom:56px}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
${DRAWING_STYLE}
@media (max-width:900px){.cards{grid-template-columns:minmax(0,1fr)}.half .drawing .wide svg{width:100%;max-width:640px}.goals th,.goals td{padding:7px 6px;font-size:13.500px;white-space:normal}.goals td.words{padding-left:6px}.goals td:last-child{white-space:nowrap}.goals tbody th{min-width:110px}}
@media (max-width:640px){
body{font-size:15.500px}header.top{padding-top:24px}section{padding-top:44px}h2{font-size:23px}
.card{padding:16px}.drawing .wide{display:none}.drawing .narrow{display:block}.findings{padding:2px 14px}
.buttons button span{display:none}th,td{padding:7px 9px}dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:8px}
}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
@media (forced-colors:active){.chart .bar,.chart .mark{forced-color-adjust:none}}
@media print{
:root,:root[data-theme=dark],:root:not([data-theme=light]){color-scheme:light;${LIGHT_COLOURS}${LIGHT_PAGE}--page:#fff;--line:#ccd2d8}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
@page{size:A4;margin:14mm}
body{font-size:10.500pt}header.top,main,footer{max-width:none;padding:0}nav.toc,.buttons,.skip{display:none}
section{padding-top:22px}h2{break-after:avoid}.lead{break-after:avoid}.card,figure,.system,tr{break-inside:avoid}.card{padding:12px 16px;margin-top:12px}
.cards{grid-template-columns:repeat(2,minmax(0,1fr));gap:12px;margin-top:12px}.drawing .wide{display:block}.drawing .narrow{display:none}
.scroll{overflow:visible}table{font-size:9pt}th,td{padding:4px 7px}details:not([open]){display:none}
}
`

/** For a drawing in a file of its own, which follows the reader's choice by itself. */
export const FILE_STYLE = `:root{${LIGHT_COLOURS}}@media (prefers-color-scheme:dark){:root{${DARK_COLOURS}}}${DRAWING_STYLE}`
