"""Node-RED with a flow that writes the event before it answers, and takes up the rest at start."""
