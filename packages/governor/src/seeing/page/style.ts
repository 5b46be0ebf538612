/** The style of the page. Colours of text have a contrast of at least 4.5 with what is behind them, in light and dark; a test computes it. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--text:#171a20;--soft:#565f6d;--line:#dfe3e9;--accent:#0b5cb8;
--l0:#1f6f4a;--l1:#855b00;--l2:#a8410a;--l3:#b0201c;--cold:#edf2f8;--hot:#c62d12;--on-hot:#fff}
@media (prefers-color-scheme:dark){:root{--page:#0e1116;--card:#171b21;--text:#e8ebf0;--soft:#a0abba;--line:#2d343e;--accent:#74b6ff;
--l0:#5fcf9c;--l1:#f0c352;--l2:#ff9d61;--l3:#ff8d85;--cold:#222a35;--hot:#ff8a5c;--on-hot:#1b0c05}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 16px}
header{display:flex;flex-wrap:wrap;align-items:center;gap:8px 16px;padding-top:16px}
h1{font-size:1rem;margin:0;color:var(--soft);font-weight:600;flex:1 0 auto}
h2{font-size:1.05rem;margin:0 0 10px}
.verdict{font-size:clamp(1.25rem,4.5vw,1.75rem);line-height:1.25;font-weight:650;margin:8px 0 12px;text-wrap:balance}
#state{color:var(--soft);font-size:.9rem;margin:0}
#state.lost{color:var(--l3);font-weight:600}
button{font:inherit;font-size:.9rem;min-height:34px;padding:4px 14px;border:1px solid var(--soft);border-radius:8px;background:var(--card);color:var(--text);cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:6px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px;margin:12px 0}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(126px,1fr));gap:12px;margin:0}
dl div{min-width:0}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0;font-size:1.25rem;font-weight:600;font-variant-numeric:tabular-nums}
dd small{display:block;font-size:.8rem;font-weight:400;color:var(--soft)}
.heat{list-style:none;margin:0;padding:2px;display:grid;grid-template-columns:repeat(auto-fill,minmax(46px,1fr));gap:3px}
.heat li{--share:0%;height:40px;border-radius:5px;padding:2px 5px;font-size:.75rem;line-height:1.25;display:flex;flex-direction:column;justify-content:space-between;
font-variant-numeric:tabular-nums;background:color-mix(in oklab,var(--hot) var(--share),var(--cold));color:var(--text);overflow:hidden}
.heat li.on-hot{color:var(--on-hot)}
.heat li.acted{outline:2px solid var(--text);outline-offset:-2px}
.heat li.chosen{outline:3px solid var(--accent);outline-offset:1px}
.heat b{font-weight:700}
.key-line{color:var(--soft);font-size:.85rem;margin:8px 0 0}
.readout{min-height:1.5em;margin:8px 0 0;font-weight:600;font-size:.92rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
.about{color:var(--soft);font-size:.85rem;margin:-6px 0 8px}
th,td{padding:6px 14px 6px 0;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
tbody tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:600;font-size:.82rem}
.figure{text-align:right}
tbody th{font-weight:600}
th:first-child{position:sticky;left:0;background:var(--card)}
.state small{display:block;color:var(--soft);white-space:normal;max-width:18em;line-height:1.3}
td.key{white-space:normal;overflow-wrap:anywhere;min-width:8em;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86rem}
.share{display:inline-block;width:72px;height:8px;border-radius:4px;background:linear-gradient(90deg,var(--hot) var(--share),var(--cold) 0);margin-right:8px;vertical-align:1px}
.l0,.l1,.l2,.l3{font-weight:650}
.l0{color:var(--l0)}.l1{color:var(--l1)}.l2{color:var(--l2)}.l3{color:var(--l3)}
.log ol{list-style:none;margin:0;padding:0}
.log li{padding:6px 0;border-bottom:1px solid var(--line)}
.log li:last-child{border-bottom:0}
.log time,.log small{color:var(--soft);font-size:.86rem;font-variant-numeric:tabular-nums}
.log small{display:block;overflow-wrap:anywhere}
.none{color:var(--soft);margin:0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
footer{color:var(--soft);font-size:.86rem;padding-bottom:32px}
a{color:var(--accent)}
@media (max-width:520px){section{padding:14px 12px}.heat{grid-template-columns:repeat(auto-fill,minmax(40px,1fr))}dl{grid-template-columns:1fr 1fr}.share{display:none}td,th{padding-right:10px}.state small{max-width:9em}}
@media print{button,#state{display:none}section{break-inside:avoid}}
`
