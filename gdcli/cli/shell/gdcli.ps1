# Completion of gdcli in PowerShell 5 or later. It belongs into the file that $PROFILE names.
Register-ArgumentCompleter -Native -CommandName gdcli -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.Extent.Text
    $length = [Math]::Max(0, $cursorPosition - $commandAst.Extent.StartOffset)
    $env:_GDCLI_LINE = $line.PadRight($length).Substring(0, $length)
    $env:_GDCLI_COMPLETE = 'powershell'
    try {
        $answer = @(& $commandAst.GetCommandName() 2>$null)
    } finally {
        Remove-Item Env:_GDCLI_LINE, Env:_GDCLI_COMPLETE -ErrorAction SilentlyContinue
    }
    if ($answer.Count -gt 1 -and $answer[0] -match '^(open|words) ') {
        $answer[1..($answer.Count - 1)] | ForEach-Object {
            $value, $text = $_ -split "`t", 2
            if (-not $text) { $text = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $text)
        }
    }
}
