/** The style of the page: one column, system fonts, and one colour per subject in light and dark mode. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#16191f;--soft:#5b6472;--line:#e2e5ea;--accent:#0b62c4;--good:#0a7a4b;--bad:#b3261e;--unsure:#8a6100;--code:#eef1f5;
--s1:#0b6bcb;--s2:#d9690f;--s3:#12906a;--s4:#a13ea6;--s5:#9a7b00;--s6:#7a8494;--s7:#c5303a;--s8:#0e8f9c;--s9:#6b57d6;--s10:#7d5a3c;--heat-low:#e9f1fb;--heat-high:#0a4a94;--on-high:#fff}
@media (prefers-color-scheme:dark){:root{--page:#0f1216;--card:#181c22;--text:#e7eaf0;--soft:#9aa5b5;--line:#2c323b;--accent:#6db3ff;--good:#4ed09a;--bad:#ff8f86;--unsure:#f0c04f;--code:#222830;
--s1:#5aa9f7;--s2:#f5994e;--s3:#42c596;--s4:#d583da;--s5:#d9bb3f;--s6:#97a2b3;--s7:#f27a80;--s8:#45c4d0;--s9:#a495ff;--s10:#c49a74;--heat-low:#1d2836;--heat-high:#8cc4ff;--on-high:#06121f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
main,header.top,footer{max-width:1000px;margin:0 auto;padding:0 16px}
header.top{padding-top:28px}
header.top p{color:var(--soft);margin:4px 0 0}
h1{font-size:1.05rem;letter-spacing:.01em;margin:0;color:var(--soft);font-weight:600}
h2{font-size:1.3rem;line-height:1.3;margin:0 0 4px}
h3{font-size:1.02rem;margin:22px 0 6px}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:20px;margin:16px 0}
section>.number{color:var(--soft);font-size:.85rem;margin:0 0 2px}
.verdict h2{font-size:clamp(1.5rem,5.2vw,2.15rem);line-height:1.2;margin:2px 0 10px;text-wrap:balance}
.verdict>p{max-width:68ch}
.headline{font-size:1.08rem;font-weight:600;margin:8px 0;max-width:70ch}
ul.findings{padding-left:20px;margin:8px 0}
ul.findings li{margin:3px 0}
a{color:var(--accent)}
a:focus-visible,.picture:focus-visible,summary:focus-visible,.scroll:focus-visible,button:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:6px}
.code{display:flex;gap:10px;align-items:flex-start;background:var(--code);border-radius:10px;padding:12px 14px;margin:12px 0}
.code pre{margin:0;flex:1;white-space:pre-wrap;font:14px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
button{font:inherit;font-size:.85rem;border:1px solid var(--line);background:var(--card);color:var(--text);border-radius:8px;padding:3px 10px;cursor:pointer}
nav ol{list-style:none;margin:6px 0 0;padding:0;display:grid;gap:2px}
nav li a{display:block;padding:8px 10px;margin:0 -10px;border-radius:8px;text-decoration:none;color:inherit}
nav li a:hover{background:var(--code)}
nav li b{color:var(--accent);font-weight:600}
nav li span{display:block;color:var(--soft);font-size:.93rem}
figure{margin:18px 0 0}
figcaption{font-weight:600;margin-bottom:4px}
.bar .picture{max-width:760px}
.picture{border-radius:6px;touch-action:pan-y}
.axis,.hint,.readout,.soft,small{color:var(--soft);font-size:.86rem}
.axis{margin:2px 0 8px}
.hint,.readout{margin:4px 0 0}
.readout{color:var(--text);min-height:1.55em;font-weight:600}
.readout:not(:empty)+.hint{display:none}
.readout:empty{min-height:0}
figure.chart~figure.chart .readout:empty,.more .readout:empty{min-height:1.55em}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:4px 0 8px;padding:0;font-size:.9rem}
.swatch{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
svg{display:block;overflow:visible}
.stroke{display:inline-block;margin-right:6px;vertical-align:-1px}
.stroke line{stroke-width:2.5}
.scroll+.scroll{margin-top:18px}
figure.chart~figure.chart .hint,.more .hint{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
svg text{font-size:13px;fill:var(--text);dominant-baseline:central;font-family:inherit}
svg text.middle{text-anchor:middle}
svg text.name{font-size:13px}
svg text.soft{fill:var(--soft);font-size:12px}
svg .hit{fill:transparent}
svg .whisker{stroke:var(--text);stroke-width:2;opacity:.55}
.label{font-size:.86rem;color:var(--text);margin-top:6px;line-height:1.35}
.heat .label{color:var(--soft);font-size:.8rem;margin-top:7px}
.mark{cursor:default}
.mark.chosen .hit{fill:color-mix(in srgb,var(--accent) 14%,transparent)}
.mark.chosen .cell,.mark.chosen .empty,.mark.chosen .node{stroke:var(--accent);stroke-width:3}
.cell{fill:color-mix(in oklab,var(--heat-high) var(--share),var(--heat-low));stroke:var(--card);stroke-width:2}
.empty{fill:var(--code);stroke:var(--card);stroke-width:2}
svg .heat-text,.heat svg text.value{font-size:12px}
.heat svg text.on-high{fill:var(--on-high)}
.heat-head{position:sticky;top:0;background:var(--card);z-index:1}
.ramp{display:inline-flex;align-items:center;gap:6px;margin-left:8px}
.ramp i{width:90px;height:10px;border-radius:5px;background:linear-gradient(90deg in oklab,var(--heat-low),var(--heat-high))}
.tree .node{fill:var(--card);stroke:var(--line);stroke-width:1.5}
.tree .question{fill:var(--code)}
.tree .edge{fill:none;stroke:var(--soft);stroke-width:1.5}
svg text.edge-text{font-size:12px;fill:var(--soft);paint-order:stroke;stroke:var(--card);stroke-width:5px}
svg text.choice{font-size:15px;font-weight:700}
.outline,.outline ul{list-style:none;margin:0;padding:0}
.outline ul{margin-left:8px}
.outline ul>li{padding:6px 0 2px 16px;border-left:2px solid var(--line);position:relative}
.outline ul>li:last-child{border-left-color:transparent}
.outline ul>li::before{content:"";position:absolute;left:-2px;top:0;width:14px;height:20px;border-left:2px solid var(--line);border-bottom:2px solid var(--line);border-bottom-left-radius:8px}
.condition{font-size:.9rem;color:var(--soft);display:block}
.leaf small{display:block}
.wide{display:none}
@media (min-width:700px){.wide{display:block}.outline.narrow{display:none}section{padding:24px 28px}}
details{margin-top:8px}
summary{cursor:pointer;color:var(--accent);font-size:.92rem;width:fit-content}
.scroll{overflow-x:auto;margin:8px 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding-bottom:4px}
th,td{padding:5px 12px 5px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:normal}
thead th{color:var(--soft);font-weight:600;font-size:.82rem}
tbody th{font-weight:400;min-width:9em;max-width:34em}
td:not(.figure){min-width:7em;max-width:26em}
td.long,th.long{min-width:17em}
td.figure,th.figure{text-align:right;white-space:nowrap}
.beliefs{display:grid;gap:0}
.belief{border-top:1px solid var(--line);padding:14px 0;display:grid;grid-template-columns:minmax(0,1fr);gap:4px}
.belief:first-child{border-top:0}
.belief h3{margin:0}
.belief p{margin:0}
.belief .told{color:var(--soft)}
.badge{display:inline-flex;align-items:center;gap:6px;font-size:.85rem;font-weight:700;white-space:nowrap}
.holds{color:var(--good)}.fails{color:var(--bad)}.unsure{color:var(--unsure)}.untested{color:var(--soft)}
@media (min-width:700px){.belief{grid-template-columns:150px minmax(0,1fr)}.belief>*{grid-column:2}.belief>.badge{grid-column:1;grid-row:1/span 3;align-items:flex-start}}
.tally{display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0 14px}
.warn{border-left:4px solid var(--unsure);padding-left:12px;color:var(--text)}
.failed{border-left:4px solid var(--bad);padding-left:12px}
dl{display:grid;grid-template-columns:minmax(90px,max-content) minmax(0,1fr);gap:4px 18px;margin:8px 0}
dt{color:var(--soft)}dd{margin:0}
footer{color:var(--soft);font-size:.86rem;padding-top:4px;padding-bottom:40px}
.c1{fill:var(--s1);background:var(--s1)}.c2{fill:var(--s2);background:var(--s2)}.c3{fill:var(--s3);background:var(--s3)}.c4{fill:var(--s4);background:var(--s4)}.c5{fill:var(--s5);background:var(--s5)}.c6{fill:var(--s6);background:var(--s6)}.c7{fill:var(--s7);background:var(--s7)}.c8{fill:var(--s8);background:var(--s8)}.c9{fill:var(--s9);background:var(--s9)}.c10{fill:var(--s10);background:var(--s10)}
@media print{body{background:none}section{break-inside:avoid;border:0}.hint,button{display:none}}
`
