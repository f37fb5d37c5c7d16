/*
 * report_style.c
 *		The head of visclf.report's page, and its style sheet.
 *
 * Every reader can tell blue and orange apart (Okabe and Ito 2008), in grey
 * too. Nothing is loaded from elsewhere, and the page tells the browser so.
 */
#include "extension/reporting/report.h"

#include "extension/reporting/markup.h"

static const char style[] =
"*{box-sizing:border-box}"
":root{--ink:#1a1a1a;--quiet:#595959;--rule:#dcd8d0;--paper:#fff;--blue:#0b64a8;--band:#bcd9ef;--orange:#b84b00}"
"html{-webkit-text-size-adjust:100%}"
"body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.55 Georgia,'Times New Roman',serif}"
"main,header,footer{max-width:60rem;margin:0 auto;padding:0 1.25rem}"
"header{padding-top:2.2rem}"
"h1{font-size:2.1rem;line-height:1.15;margin:0 0 .4rem;overflow-wrap:anywhere}"
"h2{font-size:1.4rem;margin:2.6rem 0 .5rem;padding-top:.7rem;border-top:2px solid var(--ink)}"
"h3{font-size:1.1rem;margin:1.6rem 0 .4rem;overflow-wrap:anywhere}"
"p{margin:.5rem 0;max-width:44rem}.lead{font-size:1.2rem}.note,.byline{color:var(--quiet);font-size:.92rem}"
"td bdi,th bdi{overflow-wrap:break-word}"
"table,.chart,.legend,dl,.tile,summary,figcaption{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
".scroll{overflow-x:auto;margin:.8rem 0}"
"table{border-collapse:collapse;font-size:.84rem;line-height:1.35;font-variant-numeric:tabular-nums}"
"caption{text-align:start;color:var(--quiet);padding:.2rem 0}"
"th,td{padding:.32rem .6rem;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}"
"th{font-weight:600}tbody th,th:first-child,.words{text-align:start}"
"thead th{vertical-align:bottom;white-space:normal}.words{white-space:normal;color:var(--quiet)}td.words:not(:empty){min-width:12rem}"
"tbody th{min-width:5.5rem;max-width:15rem;white-space:normal}.place{min-width:8rem}"
".total th,.total td{border-top:1px solid var(--ink)}small{color:var(--quiet)}"
".chart svg{display:block;width:100%;height:auto}"
".chart text{font-size:13px;fill:var(--quiet)}.chart .y{text-anchor:end}.chart .x{text-anchor:middle}"
".grid{stroke:var(--rule);stroke-width:1;fill:none}.axis{stroke:var(--ink);stroke-width:1.2;fill:none}"
"polyline{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
"polyline.line{stroke:var(--blue)}polyline.raw{stroke:var(--orange);stroke-width:1.6;stroke-dasharray:5 4}"
"polygon.band{fill:var(--band);opacity:.75}.whisker,.interval{stroke:var(--band);stroke-width:6;fill:none}"
".dot{fill:var(--blue);stroke:var(--paper);stroke-width:1}.dot.doubt{fill:var(--paper);stroke:var(--blue);stroke-width:1.5}"
".ring{fill:none;stroke:var(--orange);stroke-width:1.8}"
"thead .bar{text-align:start;padding-bottom:.32rem}.bar{padding-top:0;padding-bottom:0}.bar svg{display:block;width:9rem}"
".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.3rem 0;padding:0;font-size:.84rem}"
".key{display:inline-block;width:1.6rem;margin-inline-end:.45rem;vertical-align:middle}"
".key.line{border-top:2.5px solid var(--blue)}.key.raw{border-top:2.5px dashed var(--orange)}"
".key.band{height:.8rem;background:var(--band)}"
".key.hollow{width:.7rem;height:.7rem;border:2px solid var(--blue);border-radius:50%}"
".map td{text-align:center;padding:.4rem .3rem;min-width:2.3rem;border:1px solid var(--paper)}"
".map thead th{text-align:center;font-weight:500;padding:.3rem .2rem}.map thead th:first-child{text-align:start}"
".map th:first-child{position:sticky;left:0;background:var(--paper)}"
".few{background-image:repeating-linear-gradient(135deg,rgba(255,255,255,.35) 0 3px,transparent 3px 8px)}"
".none{color:var(--quiet)}.map .total td{border-top:2px solid var(--ink)}"
".confusion{min-width:20rem}.confusion td,.confusion thead th{text-align:center;white-space:normal}.confusion td{min-width:4.5rem}"
".facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.6rem 1.4rem;margin:.8rem 0;font-size:.9rem}"
".facts dt{color:var(--quiet);font-size:.8rem}.facts dd{margin:0;overflow-wrap:anywhere}"
".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:1.4rem}"
"figure{margin:.6rem 0}figcaption{font-size:.88rem}"
".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.2rem,1fr));gap:1rem}"
".tile{margin:0}.tile figcaption{font-size:.8rem;line-height:1.35;margin-top:.3rem}"
".mat{background:#f2efe9;aspect-ratio:1;display:flex;align-items:center;justify-content:center;font-size:.75rem;color:var(--quiet)}"
".mat img{max-width:100%;max-height:100%;width:auto;height:auto;object-fit:contain}"
".tile b{color:var(--orange)}.tile b.right{color:inherit;font-weight:400}"
"details{margin:.6rem 0}summary{cursor:pointer;font-size:.88rem;color:var(--blue)}"
"li{margin:.35rem 0;max-width:44rem}"
"footer{color:var(--quiet);font-size:.85rem;margin-top:3rem;padding-bottom:3rem}"
".narrow{display:none}"
"@media (max-width:40rem){body{font-size:16px}h1{font-size:1.65rem}.wide{display:none}.narrow{display:block}.place{min-width:5rem}.bar svg{width:5rem}th,td{padding:.32rem .4rem}}"
"@media print{@page{margin:16mm}body{font-size:10.5pt}main,header,footer{max-width:none;padding:0}"
"*{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
"h2,h3,h2+p,.note,.legend,summary,caption{break-after:avoid}.chart,tr,li,dl,.tile,.legend,.pair{break-inside:avoid}summary{list-style:none;color:inherit}.scroll{overflow:visible}"
"table{font-size:7.6pt}th,td{padding:.2rem .35rem}.words{min-width:0}.map th:first-child{position:static}"
"details::details-content{content-visibility:visible;block-size:auto}}";

/* The page's title, to show. */
static void
append_title(const Report *r)
{
	if (r->options.title)
		markup_text(r->out, r->options.title);
	else
	{
		appendStringInfoString(r->out, "What the model ");
		markup_text(r->out, r->options.model);
		appendStringInfoString(r->out, " counts");
	}
}

void
report_head(Report *r)
{
	appendStringInfoString(r->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
						   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
						   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"/>\n"
						   "<meta name=\"generator\" content=\"visclf\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>");
	append_title(r);
	appendStringInfo(r->out, "</title>\n<style>%s</style>\n</head>\n<body>\n<header><h1 dir=\"auto\">", style);
	append_title(r);
	appendStringInfoString(r->out, "</h1>\n</header>\n<main>\n");
}
