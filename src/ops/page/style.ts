import { hash } from 'node:crypto';

/** All of the page's looks: no other style is let in, see `STYLE_SOURCE`. */
export const STYLE = `
:root{color-scheme:light dark;
--ground:light-dark(#fbfbfa,#14161a);--card:light-dark(#fff,#1c1f25);--line:light-dark(#dcdcd6,#343943);
--text:light-dark(#1d2127,#e4e6ea);--dim:light-dark(#5b626d,#a3abb8);--link:light-dark(#0b57a4,#7fb7ff);
--good:light-dark(#14692f,#66cf87);--bad:light-dark(#b3261e,#ff938a);--warn:light-dark(#8a5200,#f0b45b);
--put:light-dark(#e3f4e7,#16321f);--gone:light-dark(#fbe7e5,#3d1c1a)}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0;background:var(--ground);color:var(--text)}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-100vw}.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem;z-index:1}
.wide{max-width:72rem;margin:0 auto;padding:0 1rem}
header{background:var(--card);border-bottom:1px solid var(--line)}
header .wide{display:flex;flex-wrap:wrap;align-items:baseline;gap:.2rem 1.5rem;padding-top:.7rem;padding-bottom:.5rem}
header p{margin:0;font-weight:650;font-size:1.1rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:0;padding:0}
nav a{display:inline-block;padding:.25rem 0;text-decoration:none}
nav a[aria-current]{color:var(--text);font-weight:600;border-bottom:2px solid var(--link)}
main{padding-bottom:4rem}
h1{font-size:1.35rem;margin:1.2rem 0 .2rem}h2{font-size:1.05rem;margin:1.8rem 0 .4rem}h3{font-size:.95rem;margin:1rem 0 .3rem}
p{margin:.3rem 0}.dim{color:var(--dim)}
.note{border-left:3px solid var(--warn);background:var(--card);padding:.4rem .8rem;margin:.8rem 0}
form{display:flex;flex-wrap:wrap;gap:.6rem .8rem;align-items:end;margin:1rem 0}
label{display:flex;flex-direction:column;font-size:.85rem;color:var(--dim);flex:1 1 9rem}
input,select,button{font:inherit;padding:.35rem .55rem;border:1px solid light-dark(#8b919b,#6d7582);border-radius:5px;background:var(--card);color:var(--text);min-width:0;width:100%;height:2.2rem}
button{width:auto;cursor:pointer;background:var(--link);color:var(--ground);border-color:transparent;font-weight:600;padding:.35rem 1.1rem}
.list{list-style:none;margin:.8rem 0;padding:0;border:1px solid var(--line);border-radius:8px;background:var(--card)}
.list>li{padding:.5rem .9rem}.list>li+li{border-top:1px solid var(--line)}
.list>li.folded{padding:0}
summary{display:grid;grid-template-columns:10.2rem 6.4rem minmax(0,1fr);gap:.1rem .8rem;padding:.55rem .9rem;cursor:pointer;align-items:baseline}
summary .more{grid-column:3;font-size:.87rem}
details[open]>summary{border-bottom:1px solid var(--line)}
.inside{padding:.2rem .9rem 1rem}
time{font-variant-numeric:tabular-nums;color:var(--dim)}
.badge{font-size:.82rem;font-weight:600;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
code,del,ins{font:.86em/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
del,ins{text-decoration:none;display:block;padding:.05rem .5rem;border-radius:3px;white-space:pre-wrap}
del{background:var(--gone)}del::before{content:"−\\a0"}ins{background:var(--put)}ins::before{content:"+\\a0"}
.plain{margin:.2rem 0;padding-left:1.1rem}.plain li{margin:.3rem 0;overflow-wrap:anywhere}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:8px;background:var(--card)}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .9rem;border-top:1px solid var(--line)}
thead th{border-top:0;font-size:.85rem;color:var(--dim);white-space:nowrap}
tbody th{font-weight:500;min-width:11rem;overflow-wrap:anywhere}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
td{overflow-wrap:break-word;min-width:6rem}td:last-child{min-width:10rem}
@media(max-width:40rem){summary{grid-template-columns:minmax(0,1fr) auto}summary .what,summary .more{grid-column:1/-1}
table,tbody,tr{display:block}thead{display:none}
tr{padding:.4rem .9rem;border-top:1px solid var(--line)}tr:first-child{border-top:0}
tbody th,td,td.number,td:last-child{display:flow-root;min-width:0;padding:.1rem 0;border:0;text-align:left;overflow-wrap:anywhere}
td,td.number,td:last-child{padding-left:8.3rem}td::before{content:attr(data-column);float:left;width:7.9rem;margin-left:-8.3rem;color:var(--dim);font-size:.85rem;line-height:1.75}
td:empty{display:none}}
@media(prefers-reduced-motion:no-preference){a,button{transition:color .1s}}
`;

/** For `style-src`. */
export const STYLE_SOURCE = `'sha256-${hash('sha256', STYLE, 'base64')}'`;
