"""The page's style sheet and its few lines of script, both inlined."""

from __future__ import annotations

__all__ = ["CSS", "SCRIPT"]

CSS = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:#fff;color:#1f2328;font:17px/1.55 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}
h1{font-size:2rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.55rem;line-height:1.25;margin:0 0 .3rem}
h3{font-size:1.15rem;margin:2.2rem 0 .5rem}
h4{font-size:1rem;margin:0 0 .25rem}
h1,h2,h3,h4,p,li,td{overflow-wrap:anywhere}
p,ul{margin:.5rem 0;max-width:46rem}
ul{padding-left:1.3rem}
section{border-top:2px solid #1f2328;margin-top:3rem;padding-top:1.5rem}
.subject,figcaption,.quiet{color:#57606a}
.verdict{border-left:5px solid #0072b2;background:#f3f7fb;padding:.9rem 1.2rem;margin:1.1rem 0}
.verdict p{margin:.35rem 0}
.verdict .name{font-size:1.3rem;font-weight:700;margin:0}
nav ul{list-style:none;padding:0}
nav a{color:#0a4d7c}
.story{list-style:none;padding:0}
.story li{display:grid;grid-template-columns:6.5rem 1fr;gap:1rem;padding:.3rem 0;
border-bottom:1px solid #e3e6ea}
.story .when{color:#57606a;font-variant-numeric:tabular-nums;white-space:nowrap}
.scroll{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;min-width:100%}
th{font-weight:600;border-bottom:2px solid #1f2328;vertical-align:bottom}
td{border-bottom:1px solid #e3e6ea;vertical-align:top}
th,td{padding:.4rem .9rem .4rem 0;text-align:left}
.numbers th,.numbers td{white-space:nowrap}
.evidence td:nth-child(1){min-width:9rem}
.evidence td:nth-child(2){min-width:7rem}
.evidence td:nth-child(3){min-width:12rem}
.value{font-weight:600}
.whole{white-space:nowrap}
small{color:#57606a;font-weight:400}
.figures{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1.6rem 1.2rem}
figure{margin:0;min-width:0;break-inside:avoid}
figure.wide{grid-column:1/-1}
figcaption{font-size:.88rem}
.plot{width:100%;overflow:hidden}
figure.square{max-width:42rem}
code{font-size:.88em}
footer{margin-top:3rem;color:#57606a;font-size:.88rem}
@media (max-width:44rem){
body{font-size:16px}
main{padding:1rem .9rem 3rem}
h1{font-size:1.6rem}
.figures{grid-template-columns:minmax(0,1fr)}
.evidence td:nth-child(1){min-width:6rem}
.evidence td:nth-child(2){min-width:5rem}
.evidence td:nth-child(3){min-width:9rem}
th,td{padding-right:.7rem}
.story li{grid-template-columns:1fr;gap:0}
}
@media print{
body{font-size:10.5pt}
main{max-width:none;padding:0}
nav,.modebar{display:none!important}
.scroll{overflow:visible}
.numbers th,.numbers td{white-space:normal}
table{font-size:8.5pt}
section{break-before:page;border:0;margin-top:0}
section:first-of-type{break-before:auto}
tr,.verdict{break-inside:avoid}
h3,h4{break-after:avoid}
}
"""

# Figures lie in the page as JSON and are drawn one by one; a browser without WebGL is told so.
# Paper is narrower than a screen, so figures are drawn anew before printing and after.
SCRIPT = """
(function () {
  var config = {responsive: true, displaylogo: false,
    // Nothing of the user's leaves the page, not even at a click.
    modeBarButtonsToRemove: ['sendChartToCloud', 'lasso2d', 'select2d']};
  var plots = Array.prototype.slice.call(document.querySelectorAll('.plot'));
  function webgl() {
    try {
      var c = document.createElement('canvas');
      return !!(window.WebGLRenderingContext && (c.getContext('webgl') || c.getContext('webgl2')));
    } catch (e) { return false; }
  }
  plots.forEach(function (div) {
    var f = JSON.parse(document.getElementById(div.id + '-data').textContent);
    if (div.dataset.webgl && !webgl()) {
      div.className = 'quiet';
      div.style.height = 'auto';
      div.textContent = 'This browser has no WebGL and cannot draw the surface; the contours ' +
        'below show the same.';
      return;
    }
    Plotly.newPlot(div, f.data, f.layout, config);
  });
  function redraw(width) {
    plots.forEach(function (div) {
      if (!div._fullLayout) return;
      var half = !div.closest('figure').classList.contains('wide');
      Plotly.relayout(div, width ? {width: half ? width / 2 - 10 : width} :
        {width: null, autosize: true});
    });
  }
  window.addEventListener('beforeprint', function () { redraw(680); });
  window.addEventListener('afterprint', function () { redraw(null); });
})();
"""
