"""The style sheet of the page: system fonts, light and dark, paper and phone."""

STYLE = """
:root{color-scheme:light dark;--page:#fcfcfb;--card:#fff;--ink:#1a1d21;--quiet:#59626c;--line:#dfe2e5;--head:#f3f4f5;
--accent:#0072b2;--blue:#0072b2;--tint:0 114 178;--depth:.34;--warn:#a34a00}
@media (prefers-color-scheme:dark){:root{--page:#14171a;--card:#1b1f23;--ink:#e6e8ea;--quiet:#a0a9b2;--line:#343a41;
--head:#22272c;--accent:#62b5e5;--blue:#2f8fd0;--tint:86 180 233;--depth:.42;--warn:#f0a050}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main,header{max-width:1180px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:2rem;line-height:1.2;margin:0 0 6px;letter-spacing:-.015em}
h2{font-size:1.5rem;margin:52px 0 4px;padding-top:20px;border-top:2px solid var(--ink);letter-spacing:-.01em;
overflow-wrap:anywhere}
h3{font-size:1.17rem;margin:36px 0 6px}
h4{font-size:1rem;margin:26px 0 6px}
p{margin:6px 0 12px;max-width:76ch}
.quiet,.lead{color:var(--quiet)}
a{color:var(--accent)}
nav{display:flex;flex-wrap:wrap;gap:4px 20px;margin:10px 0}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--quiet)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(270px,100%),1fr));gap:14px;margin:18px 0 8px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 18px}
.card p{margin:4px 0;font-size:.92rem;color:var(--quiet)}
.card .label{font-size:.84rem}
.card .value{font-size:1.3rem;line-height:1.3;font-weight:650;color:var(--ink);overflow-wrap:anywhere}
.scroll{overflow:auto;max-height:78vh;border:1px solid var(--line);border-radius:10px;margin:12px 0;
background:var(--card);-webkit-overflow-scrolling:touch}
table{border-collapse:separate;border-spacing:0;font-size:.86rem;line-height:1.35}
.scroll table{min-width:100%}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:5px 11px;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:0}
.scroll thead th{position:sticky;top:0;z-index:2;background:var(--head);font-weight:600;white-space:normal;
vertical-align:bottom;min-width:4.5em}
thead th:first-child:not(.name){min-width:0}
.scroll .name{position:sticky;left:0;z-index:1;background:var(--card);font-weight:500;white-space:normal;
border-right:1px solid var(--line);overflow-wrap:anywhere;max-width:23em}
.scroll thead .name{z-index:3;background:var(--head);font-weight:600}
.number{text-align:right;font-variant-numeric:tabular-nums}
.shaded{background:rgb(var(--tint) / calc(var(--shade) * var(--depth)))}
.best{font-weight:750}
.warned{color:var(--warn)}
.warnings{list-style:none;padding:0;margin:8px 0}
.warnings li{margin:4px 0}
.facts{margin:8px 0}
.facts th{font-weight:500;color:var(--quiet);padding-left:0;vertical-align:top}
.facts td{white-space:normal;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
details{margin:12px 0}
summary{cursor:pointer;color:var(--accent)}
summary h3{display:inline;color:var(--ink)}
details>summary:has(h3){margin-top:34px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;font-size:.92rem;margin:10px 0}
dt{font-weight:550}
dd{margin:0;color:var(--quiet)}
figure{margin:0}
svg{display:block;width:100%;height:auto}
svg text{font-family:inherit}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(236px,100%),1fr));gap:16px 14px;margin:14px 0}
.beside{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:12px 36px;align-items:start;margin:12px 0}
.wide{overflow-x:auto}
.wide svg{min-width:820px;margin:0 auto}
.legend{display:flex;flex-wrap:wrap;gap:3px 15px;font-size:.88rem;margin:5px 0;max-width:none}
.legend b{font-weight:600}
.legend span{display:inline-flex;align-items:center;gap:3px}
.legend svg{width:19px;flex:none}
.bar{display:inline-block;height:.62em;background:var(--accent);border-radius:2px;margin-left:12px}
footer{color:var(--quiet);font-size:.88rem;padding:36px 0 52px}
@media (max-width:760px){main,header{padding-left:14px;padding-right:14px}.beside{grid-template-columns:minmax(0,1fr)}
h1{font-size:1.6rem}dl{grid-template-columns:1fr}dd{margin-bottom:6px}
th,td{padding:5px 8px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--quiet:#444;--line:#ccc;--head:#f3f4f5;
--accent:#0072b2;--blue:#0072b2;--tint:0 114 178;--depth:.34;--warn:#a34a00}
@page{size:A4 landscape;margin:12mm}
.beside{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}svg{max-height:165mm}
body{font-size:10pt}nav{display:none}.scroll{overflow:visible;max-height:none;border:0}table{font-size:6.5pt}
th,td{padding:2px 4px}.scroll .name,.scroll thead th{position:static;min-width:0}
figure,.card,tr{break-inside:avoid}h2,h3,h4,summary{break-after:avoid}.shaded,.bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
""".strip()
