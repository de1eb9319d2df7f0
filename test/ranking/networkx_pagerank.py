"""PageRank by networkx of documents given as NDJSON on stdin: prints {id: rank}. Links are those of metadata.outbound_links."""

import json
import sys

import networkx

documents = [json.loads(line) for line in sys.stdin]
graph = networkx.DiGraph()
graph.add_nodes_from(document["id"] for document in documents)
for document in documents:
    for target in document["metadata"].get("outbound_links") or []:
        if target in graph:
            graph.add_edge(document["id"], target)
ranks = networkx.pagerank(graph, alpha=0.85, max_iter=1000, tol=1e-12)
json.dump({"ranks": ranks, "links": graph.number_of_edges()}, sys.stdout)
