"""The SDK's server with this program's words for arguments that a tool does not take."""

import difflib
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult
from pydantic import ValidationError

from app.validation_words import describe_invalid_value


class AssistantServer(MCPServer[Any]):
    """A server of tools that refuses unknown arguments, and says what a wrong one has to be."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; raises `ToolError` in plain words."""
        tool = self._tool_manager.get_tool(name)
        if tool is not None:
            self._require_known(name, list(tool.parameters.get("properties", {})), arguments)
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as refused:
            if not isinstance(refused.__cause__, ValidationError):
                raise
            faults = refused.__cause__.errors(include_url=False, include_input=False)
            wrong = [
                f"{'.'.join(map(str, fault['loc']))} {describe_invalid_value(fault)}"
                for fault in faults
            ]
            raise ToolError(f"{'; '.join(dict.fromkeys(wrong))}.") from refused

    @staticmethod
    def _require_known(name: str, known: list[str], arguments: dict[str, Any]) -> None:
        # The SDK would leave an unknown argument out, and answer another question.
        for argument in arguments:
            if argument not in known:
                near = difflib.get_close_matches(argument[:100], known, 1, 0.5)
                hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
                raise ToolError(f"{argument[:100]!r} is not an argument of {name}. {hint}")
